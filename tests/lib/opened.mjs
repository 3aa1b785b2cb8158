// opened.mjs: what became of messages that were sent: every reader's inbox is listed, every
// message in it opened by that reader through the portal, and compared with what was sent.
import https from 'node:https';
import { signIn, messageIds } from './road.mjs';
import { knownAgain, onlyTrace } from './letters.mjs';
import { sleep } from './process.mjs';

const hostOf = (address) => (address.endsWith('@globex.example') ? 'globex.localhost' : 'acme.localhost');

/** One reader's requests over kept connections from an address of its own: path to { status, body }. */
function reading(inst, visitor, agent, from) {
  const cookie = [...visitor.cookies].map((pair) => pair.join('=')).join('; ');
  const host = visitor.host;
  const once = (path) => new Promise((resolve, reject) => {
    const request = https.request({ host: inst.host, port: inst.ports.HTTPS_PORT, servername: host, ca: inst.ca, agent, path, localAddress: from,
      headers: { host: `${host}:${inst.ports.HTTPS_PORT}`, cookie } }, (response) => {
      const parts = [];
      response.on('data', (d) => parts.push(d)).on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, body: Buffer.concat(parts) }));
    });
    request.on('error', (error) => { error.reused = request.reusedSocket; reject(error); }).end();
  });
  return async (path) => {
    for (let tries = 1; ; tries++) {
      // A kept connection that was just closed is asked again, as browsers do; who is told to come later comes later.
      const said = await once(path).catch((error) => { if (!error.reused || tries > 3) throw error; });
      if (said && (![429, 503].includes(said.status) || tries > 50)) return said;
      await sleep(said ? 200 : 0);
    }
  };
}

/** Ids in the reader's inbox, page after page. */
async function listed(get) {
  const ids = [];
  for (let next = '/inbox'; next;) {
    const { status, body } = await get(next);
    if (status !== 200) throw new Error(`${next}: ${status}`);
    const html = body.toString();
    ids.push(...messageIds(html));
    next = html.match(/href="(\/inbox\?before=[\w.-]+)"/)?.[1];
  }
  return ids;
}

async function openAll(inst, reader, each, { width, from }) {
  const visitor = await signIn(inst, hostOf(reader), reader);
  const agent = new https.Agent({ keepAlive: true, maxSockets: width });
  const get = reading(inst, visitor, agent, from);
  const ids = await listed(get);
  const queue = [...ids];
  const worker = async () => {
    for (let id = queue.pop(); id; id = queue.pop()) each(id, await get(`/message/${id}/raw`));
  };
  await Promise.all(Array.from({ length: width }, worker));
  agent.destroy();
  return ids;
}

/**
 * Opens everything in the inboxes of `readers` and compares it with `senders` (see
 * senders.mjs). Gives lists of faults (all empty when all is well) and how many were opened.
 */
export async function whatBecame(inst, { letters, taken }, readers, { width = 4, tell } = {}) {
  const faults = { lost: [], doubled: [], changed: [], unreadable: [], strange: [], otherwise: [], unlisted: [] };
  let opened = 0;
  const has = new Map(readers.map((reader) => [reader, new Map()]));
  const look = (reader) => (id, { status, body }) => {
    opened += 1;
    if (tell && opened % 5000 === 0) tell(`${opened} opened`);
    if (status !== 200) return faults.unreadable.push(`${id}: ${status}`);
    const { token, hash, before } = knownAgain(body);
    const letter = letters.get(token);
    if (!letter?.to.includes(reader)) return faults.strange.push(`${id} for ${reader}`);
    if (hash !== letter.hash || !onlyTrace(before)) return faults.changed.push(id);
    const ids = has.get(reader);
    if (ids.has(token)) return faults.doubled.push(`${token}: ${ids.get(token)}, ${id}`);
    return ids.set(token, id);
  };
  await Promise.all(readers.map(async (reader, i) => {
    const ids = new Set(await openAll(inst, reader, look(reader), { width, from: `127.0.3.${i + 1}` }));
    const stored = await inst.rows(`SELECT message_id FROM reader WHERE address_key = '${reader}' AND role = 2`);
    faults.unlisted.push(...stored.filter(([id]) => !ids.has(id)).map(([id]) => `${id} of ${reader}`));
  }));
  for (const [token, id] of taken) {
    for (const reader of letters.get(token).to) {
      const found = has.get(reader)?.get(token);
      if (!found) faults.lost.push(`${token} (${id}) of ${reader}`);
      else if (found !== id) faults.otherwise.push(`${token}: told ${id}, is ${found}`);
    }
  }
  return { opened, faults };
}

/** Of every list the first three, and how many there are; nothing when all are empty. */
export function faultsTold(faults) {
  const some = Object.entries(faults).filter(([, list]) => list.length);
  return some.map(([name, list]) => `${list.length} ${name}: ${list.slice(0, 3).join('; ')}`).join('\n');
}
