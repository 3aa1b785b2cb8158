// floods.mjs: what one address can throw at the portal: slow clients by the thousand
// (slowhttptest), bare connections, handshakes, requests, bodies. All bounded.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { run, sleep, until } from './process.mjs';
import { startReader } from './reader.mjs';
import { messageIds, signIn } from './road.mjs';
import { compose, smtpConnect } from './smtp.mjs';
import { Wire, portalOf } from './wire.mjs';

export const slowModes = {
  'slow heads': ['-H', '-i', '3'],
  'slow bodies': ['-B', '-i', '3', '-s', '8192'],
  ranges: ['-R', '-a', '5', '-b', '3000'],
  'slow readers': ['-X', '-w', '512', '-y', '1024', '-n', '3', '-z', '32', '-k', '3'],
};

/**
 * Who a flood must not disturb: a member with so many messages, signed in, who reads his
 * inbox and one of them every `every` ms. { reader, asset }: and a path that costs little.
 */
export async function steadyReader(inst, { messages = 1, every = 50 } = {}) {
  const from = 'alice@acme.example';
  const to = 'admin@acme.example';
  const session = await smtpConnect(inst, { auth: from });
  for (let i = 0; i < messages; i++) {
    await session.mail({ from, to, data: compose({ from, to, subject: `Figures ${i}`, body: 'Dear Ada,\r\n' }) });
  }
  session.close();
  const visitor = await signIn(inst, 'acme.localhost', to);
  const { text, id } = await until(async () => {
    const inbox = (await visitor.go('/inbox')).text;
    return messageIds(inbox)[0] && { text: inbox, id: messageIds(inbox)[0] };
  }, { what: 'the message' });
  return { reader: startReader(inst, visitor, { paths: ['/inbox', `/message/${id}`], every }),
    asset: text.match(/\/assets\/[^"]+\.css/)[0] };
}

/**
 * slowhttptest from 127.0.0.1 for `seconds`: { done, output }; done resolves to the counts
 * it told last: { connected, closed, error, pending }, and whether it `began`.
 */
export function slow(inst, mode, { connections, seconds, path, rate = connections }) {
  const args = [...slowModes[mode], '-c', String(connections), '-r', String(rate), '-l', String(seconds), '-x', '24',
    '-u', `https://127.0.0.1:${inst.ports.HTTPS_PORT}${path}`, '-p', '3', '-v', '2'];
  const done = run('sh', ['-c', 'ulimit -n 12000 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec slowhttptest "$@"', 'sh', ...args],
    { timeout: (seconds + 60) * 1000 }).then(({ stdout, stderr }) => {
    const plain = (stdout + stderr).replace(/\x1b\[[\d;]*m/g, '');
    const last = (name) => Number([...plain.matchAll(new RegExp(`^${name}:?\\s+(\\d+)`, 'gm'))].at(-1)?.[1] ?? NaN);
    return { connected: last('connected'), closed: last('closed'), error: last('error'), pending: last('pending'),
      began: /Test ended on/.test(plain), text: plain.slice(-1500) };
  });
  return done;
}

/** Opens connections from one address as fast as it can, without a word, and keeps them: { open, refused, end() }. */
export async function bareConnections(inst, { count, from = '127.0.0.1' }) {
  const sockets = [];
  let refused = 0;
  for (let i = 0; i < count; i++) {
    const socket = net.connect({ host: inst.host, port: inst.ports.HTTPS_PORT, localAddress: from });
    socket.on('error', () => { refused += 1; }).on('end', () => { refused += 1; });
    sockets.push(socket);
    if (i % 50 === 49) await sleep(5);
  }
  await sleep(500);
  return {
    get refused() { return refused; },
    end() { for (const socket of sockets) socket.destroy(); },
  };
}

/** Half a handshake, over and over, from one address until stop(): { begun, stop() }. */
export function halfHandshakes(inst, { at = 20, from = '127.0.0.1' } = {}) {
  let going = true;
  let begun = 0;
  const hello = Buffer.concat([Buffer.from('160301020001000001fc0303', 'hex'), randomBytes(200)]);
  const one = async () => {
    while (going) {
      await new Promise((done) => {
        const socket = net.connect({ host: inst.host, port: inst.ports.HTTPS_PORT, localAddress: from },
          () => { begun += 1; socket.write(hello); setTimeout(() => socket.destroy(), 20); });
        socket.on('error', () => {}).on('close', () => setTimeout(done, 1));
      });
    }
  };
  const all = Promise.all(Array.from({ length: at }, one));
  return { get begun() { return begun; }, async stop() { going = false; await all; } };
}

/**
 * Requests from one address until stop(), over `at` connections that all ask at the same
 * moment, again and again, and connect anew when they are closed: { statuses, stop() };
 * statuses counts the answers, and "closed" where none came.
 */
export function requests(inst, { at = 300, path = '/readyz', from = '127.0.0.1', cookie }) {
  let going = true;
  const statuses = new Map();
  const count = (what) => statuses.set(what, (statuses.get(what) ?? 0) + 1);
  const bytes = `GET ${path} HTTP/1.1\r\nHost: acme.localhost\r\n${cookie ? `Cookie: ${cookie}\r\n` : ''}\r\n`;
  const wires = Array.from({ length: at });
  const open = async (i) => {
    if (wires[i] && !wires[i].closed) return;
    wires[i] = await Wire.open({ ...portalOf(inst), from }).catch(() => undefined);
  };
  const ask = async (wire) => {
    if (!wire) return;
    const answer = await wire.send(bytes).answer({ timeout: 10000 }).catch(() => undefined);
    count(answer?.status ?? 'closed');
    if (!answer || answer.headers.connection === 'close') wire.closed = true;
    if (wire.closed) wire.close();
  };
  const all = (async () => {
    while (going) {
      for (let i = 0; i < at && going; i += 50) await Promise.all(Array.from({ length: Math.min(50, at - i) }, (_, j) => open(i + j)));
      await Promise.all(wires.map(ask));
    }
  })();
  return {
    statuses,
    async stop() {
      going = false;
      await all;
      for (const wire of wires) wire?.close();
      return Object.fromEntries(statuses);
    },
  };
}

/**
 * Bodies of strangers: `count` POSTs that announce `length` bytes and give a few every
 * second; { statuses, end() }.
 */
export async function strangersBodies(inst, { count, length, path = '/login', from = '127.0.0.1', cookie }) {
  const statuses = new Map();
  const tally = (what) => statuses.set(what, (statuses.get(what) ?? 0) + 1);
  const wires = [];
  const timers = [];
  for (let i = 0; i < count; i++) {
    const wire = await Wire.open({ ...portalOf(inst), from }).catch(() => undefined);
    if (!wire) {
      tally('no connection');
      continue;
    }
    wires.push(wire);
    wire.send(`POST ${path} HTTP/1.1\r\nHost: acme.localhost\r\n${cookie ? `Cookie: ${cookie}\r\n` : ''}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${length}\r\n\r\nx=`);
    timers.push(setInterval(() => { if (!wire.closed) wire.send('y'); }, 1000));
    wire.answer({ timeout: 60000 }).then((answer) => { if (answer) tally(answer.status); }, () => {});
  }
  return {
    statuses,
    end() {
      for (const timer of timers) clearInterval(timer);
      for (const wire of wires) wire.close();
      return Object.fromEntries(statuses);
    },
  };
}
