// load.mjs: a client as RFC 1047 has it: it sends a message again, byte for byte, until
// somebody answers for it, and remembers what was acknowledged.
import { randomBytes } from 'node:crypto';
import { smtpConnect, compose } from './smtp.mjs';
import { sleep } from './process.mjs';
import { signIn, wholeList, messageIds } from './road.mjs';

/** Sends one message until it is acknowledged or refused for good, at most `patience` ms. Gives the tries it took. */
export async function sendUntilTaken(inst, { from, to, data, secure = 'starttls', patience = 60000 }) {
  const end = Date.now() + patience;
  for (let tries = 1; ; tries++) {
    let session;
    try {
      session = await smtpConnect(inst, { auth: from, secure });
      if (session.auth.code === 235) {
        const reply = await session.mail({ from, to, data });
        if (reply.code === 250) return tries;
        if (reply.code >= 500) throw new Error(`refused for good: ${reply.text}`);
      }
    } catch (error) {
      if (/refused for good/.test(error.message)) throw error;
    } finally {
      session?.close();
    }
    if (Date.now() > end) throw new Error('never taken');
    await sleep(100);
  }
}

/**
 * `senders` clients at once until stop(): each sends messages with tokens of their own in
 * the subject. stop() gives the tokens that were acknowledged.
 */
export function startLoad(inst, { senders = 4, from = 'alice@acme.example', to = 'admin@acme.example', secure } = {}) {
  const taken = [];
  const errors = [];
  let tries = 0;
  let going = true;
  const one = async () => {
    while (going) {
      const token = `T${randomBytes(8).toString('hex')}`;
      const data = compose({ from, to, subject: token, body: `${token}\r\n${'x'.repeat(500)}\r\n` });
      try {
        const n = await sendUntilTaken(inst, { from, to, data, secure });
        tries += n;
        taken.push(token);
      } catch (error) {
        errors.push(error.message);
        return;
      }
    }
  };
  const all = Array.from({ length: senders }, one);
  return {
    get taken() { return taken.length; },
    get tries() { return tries; },
    async stop() {
      going = false;
      await Promise.all(all);
      return { taken, errors, tries };
    },
  };
}

/** What of the acknowledged messages is lost or doubled in their reader's inbox. */
export async function lostOrDoubled(inst, taken, { host = 'acme.localhost', reader = 'admin@acme.example' } = {}) {
  const visitor = await signIn(inst, host, reader);
  const html = await wholeList(visitor);
  const seen = new Map();
  for (const [token] of html.matchAll(/\bT[0-9a-f]{16}\b/g)) seen.set(token, (seen.get(token) ?? 0) + 1);
  return {
    lost: taken.filter((token) => !seen.has(token)),
    doubled: taken.filter((token) => seen.get(token) > 1),
    listed: messageIds(html).length,
    visitor,
  };
}
