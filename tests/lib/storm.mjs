// storm.mjs: clients send while processes are killed at random, and what was acknowledged
// is looked for afterwards.
import net from 'node:net';
import { once } from 'node:events';
import { randomInt } from 'node:crypto';
import { Senders } from './senders.mjs';
import { parts, strike } from './killer.mjs';
import { faultsTold, whatBecame } from './opened.mjs';
import { sleep, until } from './process.mjs';
import { request } from './web.mjs';

/** A mail server that takes everything and keeps nothing: { port, taken, close() }. */
export async function startSink() {
  const sink = { taken: 0, close: () => server.close() };
  const server = net.createServer((socket) => {
    let text = '';
    let data = false;
    socket.on('error', () => {}).setNoDelay(true);
    socket.write('220 sink ESMTP\r\n');
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (;;) {
        const end = text.indexOf(data ? '\r\n.\r\n' : '\r\n');
        if (end < 0) return;
        const line = text.slice(0, end);
        text = text.slice(end + (data ? 5 : 2));
        if (data) sink.taken += 1;
        data = !data && /^DATA$/i.test(line);
        socket.write(data ? '354 go on\r\n' : '250 fine\r\n');
        if (/^QUIT$/i.test(line)) socket.end();
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  sink.port = server.address().port;
  return sink;
}

/** Members to write to besides those that are there: their addresses, all of one tenant. */
export async function moreReaders(inst, count) {
  const readers = ['alice@acme.example', 'admin@acme.example'];
  for (let i = 0; i < count; i++) {
    const address = `reader${i}@acme.example`;
    const { status, stderr } = await inst.ctl('member', 'add', '--tenant', 'acme', '--address', address, '--name', `Reader ${i}`,
      '--password-env', 'DEMO_PASSWORD', '--token-env', 'DEMO_PASSWORD');
    if (status !== 0) throw new Error(stderr);
    readers.push(address);
  }
  return readers;
}

/** Mostly one of them, sometimes two or three. */
export function someOf(readers) {
  const n = Math.min(readers.length, [1, 1, 1, 1, 1, 1, 1, 2, 2, 3][randomInt(10)]);
  const all = [...readers];
  return Array.from({ length: n }, () => all.splice(randomInt(all.length), 1)[0]);
}

export const ready = (inst, timeout = 60000) => until(
  async () => (await request(inst, 'acme.localhost', '/readyz')).status === 200, { timeout, what: 'ready again' });

/**
 * Kills one process after another while `senders` send, about `messages` in all between
 * the first kill and the last, for `seconds` at most. Gives { senders, kills, count (by
 * part), worst: the longest time without a 250, ms, after: the kill it followed, gaps: the
 * longest by part, seconds it took }.
 */
export async function storm(inst, readers, { kills, messages, senders: width, seconds = Infinity, which = Object.keys(parts), tell }) {
  const began = Date.now();
  const senders = new Senders(inst, { senders: width, members: readers.slice(0, 2), to: () => someOf(readers) });
  const result = { senders, kills: 0, count: Object.fromEntries(which.map((part) => [part, 0])), worst: 0, gaps: {} };
  const spent = () => (Date.now() - began) / 1000;
  await until(() => senders.taken.size >= Math.min(100, messages / 10), { timeout: 60000, what: 'mail is taken' });
  while (result.kills < kills && spent() < seconds) {
    senders.takeGap();
    const goal = Math.max(senders.taken.size + 1, (messages * (result.kills + Math.random())) / kills);
    const end = Date.now() + 90000;
    while (senders.taken.size < goal && Date.now() < end) await sleep(1 + randomInt(20));
    note(result, senders, tell);
    if (senders.taken.size < goal && Date.now() - senders.last > 60000) throw new Error(stuck(result, senders));
    const part = which[randomInt(which.length)];
    if (!await strike(inst, part)) continue;
    result.kills += 1;
    result.last = part;
    result.count[part] += 1;
    if (tell && result.kills % 10 === 0) {
      tell(`${result.kills} kills, ${senders.taken.size} acknowledged, ${Math.round(spent())} s, longest without a 250: ${result.worst} ms`);
    }
  }
  const seen = senders.taken.size;
  await until(() => senders.taken.size >= Math.max(messages, seen + 10) || spent() > seconds,
    { timeout: 600000, what: 'mail is taken after the last kill' });
  note(result, senders, tell);
  await settle(senders);
  result.seconds = spent();
  return result;
}

function note(result, senders, tell) {
  const gap = senders.takeGap();
  if (!result.last) return;
  if (gap > result.worst) Object.assign(result, { worst: gap, after: result.last });
  result.gaps[result.last] = Math.max(gap, result.gaps[result.last] ?? 0);
  if (gap > 10000) tell?.(`${gap} ms without a 250 after ${result.last}`);
}

const stuck = ({ last }, { log }) => `no mail is taken any more after ${last}: ${log.why} ${JSON.stringify(log.later)}`;

/** Everything that was begun is sent to its end. */
export async function settle(senders, timeout = 120000) {
  let done = false;
  const all = senders.stop().then(() => { done = true; });
  await until(() => done, { timeout, what: 'what was begun is taken' }).catch((error) => {
    senders.giveUp();
    throw new Error(`${error.message} ${senders.log.why} ${JSON.stringify(senders.log.later)}`);
  });
  await all;
}

/** What is wrong with what the clients were told and with what is stored: a text, empty when nothing is. */
export async function wrong(inst, readers, senders, options) {
  const { log } = senders;
  const { opened, faults } = await whatBecame(inst, senders, readers, options);
  const said = [faultsTold(faults)];
  if (log.refused.length) said.push(`${log.refused.length} refused for good: ${[...new Set(log.refused)].slice(0, 5).join('; ')}`);
  if (log.hung.length) said.push(`${log.hung.length} not answered: ${[...new Set(log.hung)].slice(0, 5).join('; ')}`);
  return { opened, faults, text: said.filter(Boolean).join('\n') };
}
