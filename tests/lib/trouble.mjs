// trouble.mjs: mail goes on while something else goes wrong for a while: what clients are
// told then, how soon all is well again, and that nothing is lost or doubled by it.
import fs from 'node:fs/promises';
import { randomInt } from 'node:crypto';
import path from 'node:path';
import { startInstallation, scratch } from './installation.mjs';
import { diskFull, diskTiny, frozen, frozenWriting, noMemory, oneFrozen, postgresDown, smallDisk } from './faults.mjs';
import { moreReaders, settle, someOf, startSink, wrong } from './storm.mjs';
import { Senders } from './senders.mjs';
import { must, sleep, until } from './process.mjs';

// A client waits for an answer so long at most; past this it counts as not answered.
const PATIENCE = 90000;
const WELL_AGAIN = 30000;
// Where nobody who should answer is frozen, nobody waits longer for a 4yz.
const PROMPT = 15000;
const MANY = 300;

/**
 * One fault for `seconds`. `prompt`: ms until the slowest answer, when all is not well either;
 * `pace`: messages a second of all clients together, about; `deaths`: connections may end;
 * `bites`: after a while somebody must be told to come again.
 * Gives { text (what was wrong), told (figures), senders }.
 */
export async function during(inst, readers, fault, { seconds, senders: width = 16, prompt = PROMPT, pace = 80, deaths = false, bites = false, size } = {}) {
  const senders = new Senders(inst, { senders: width, members: readers.slice(0, 2), to: () => someOf(readers),
    pause: (width * 1000) / pace - 50, size, patience: PATIENCE });
  const { log } = senders;
  await until(() => senders.taken.size >= 20, { timeout: 60000, what: 'mail is taken before' });
  const lost = log.lost;
  const end = await fault.begin(inst);
  let within;
  try {
    await sleep(1000);
    within = senders.taken.size;
    await sleep(seconds * 1000 - 1000);
  } finally {
    within = senders.taken.size - within;
    await end();
  }
  const began = Date.now();
  // By every client: a few that work do not make the house well.
  const seen = new Map(senders.count);
  await until(() => senders.clients.every((c) => (senders.count.get(c) ?? 0) > (seen.get(c) ?? 0)),
    { timeout: 4 * WELL_AGAIN, every: 10, what: `each client's mail is taken again after ${fault.name}` });
  const again = Date.now() - began;
  await settle(senders);
  const later = Object.entries(log.later).map(([text, n]) => `${n} x ${text}`).join('; ');
  const said = [];
  if (again > WELL_AGAIN) said.push(`well again only after ${again} ms`);
  if (log.refused.length) said.push(`refused for good: ${[...new Set(log.refused)].slice(0, 5).join('; ')}`);
  if (bites && seconds >= 10 && !later) said.push('nobody was told to come again: nothing was tried here');
  if (log.longest > prompt) said.push(`an answer only after ${log.longest} ms (${log.longestOf})`);
  if (log.hung.length) said.push(`not answered: ${[...new Set(log.hung)].slice(0, 5).join('; ')}`);
  if (!deaths && log.lost > lost) said.push(`${log.lost - lost} connections ended without an answer: ${log.why}`);
  return { senders, text: said.join('\n'), told: `${within} taken meanwhile, longest answer ${log.longest} ms (${log.longestOf}), `
    + `well again after ${again} ms${log.lost > lost ? `, ${log.lost - lost} connections lost` : ''}${later ? `; told: ${later}` : ''}` };
}

/** An installation whose spool, or whose database and its log, lie on small disks of their own. */
export async function onSmallDisks({ spool, tables, log, env }) {
  const dir = await scratch('restante-small-');
  const state = path.join(dir, 'var');
  const off = [];
  const inst = { };
  const stop = async () => {
    await inst.it?.stop().catch(() => {});
    for (const end of off.reverse()) end();
    await fs.rm(dir, { recursive: true, force: true });
  };
  try {
    for (const name of ['', 'spool', 'pg', 'sock', 'wal']) await fs.mkdir(path.join(state, name), { recursive: true, mode: 0o755 });
    if (spool) off.push(await smallDisk(path.join(state, 'spool'), spool));
    if (tables) off.push(await smallDisk(path.join(state, 'pg'), tables));
    if (log) off.push(await smallDisk(path.join(state, 'wal'), log));
    const own = process.getuid() === 0 ? 'postgres' : String(process.getuid());
    for (const name of ['pg', 'sock', 'wal']) await must('chown', [own, path.join(state, name)]);
    await fs.chmod(path.join(state, 'pg'), 0o700);
    inst.it = await startInstallation({ state, env });
    if (log) await moveLog(inst.it);
  } catch (error) {
    await stop();
    throw error;
  }
  return { inst: inst.it, stop };
}

/** The write-ahead log goes to the small disk beside the tables' and is kept small. */
async function moveLog(inst) {
  await inst.rows("ALTER SYSTEM SET max_wal_size = '64MB'");
  await inst.rows("ALTER SYSTEM SET min_wal_size = '32MB'");
  await inst.stop({ keep: true });
  const from = path.join(inst.state, 'pg/pg_wal');
  const to = path.join(inst.state, 'wal/pg_wal');
  await must('cp', ['-a', from, to]);
  await must('rm', ['-r', from]);
  await fs.symlink(to, from);
  await inst.start();
}

const KIB = 1024;
const large = () => KIB * KIB;
const some = () => (300 + randomInt(900)) * KIB;

/** Houses, and what goes wrong in each, one thing after another. `long`: takes longer than a moment to be seen. */
const houses = [
  { name: 'others frozen', faults: [
    { fault: frozen('postgres'), bites: true },
    { fault: postgresDown, bites: true },
    { fault: frozen('keyd'), bites: true },
    { fault: frozen('courier') },
    { fault: frozen('portal') },
  ] },
  { name: 'intake in need', faults: [
    { fault: frozen('intake'), prompt: Infinity },
    // A statement that is not even ended by the server is given up after 40 s.
    { fault: oneFrozen('backend of intake'), prompt: 45000 },
    { fault: frozenWriting, bites: true, long: true },
    { fault: noMemory(0), deaths: true, size: some },
    { fault: noMemory(0, 'memory limit with messages of 1 MiB'), deaths: true, pace: 30, size: large, long: true },
  ] },
  { name: 'many clients', faults: [
    { fault: frozen('postgres', ` under ${MANY} clients`), senders: MANY, bites: true, long: true },
    { fault: frozen('keyd', ` under ${MANY} clients`), senders: MANY, bites: true, long: true },
  ] },
  // With so little memory what is large goes there.
  { name: 'a full spool', disks: { spool: 400 }, env: { RESTANTE_MAIL_MEMORY: '3' }, faults: [
    { fault: diskFull('spool'), pace: 30, size: large, bites: true },
    { fault: diskTiny('spool', 2, 400), pace: 40, size: large, bites: true, long: true },
  ] },
  { name: 'full disks of PostgreSQL', disks: { tables: 1000, log: 200 }, faults: [
    { fault: diskFull('pg'), bites: true },
    { fault: diskFull('wal'), bites: true },
    { fault: diskFull('pg', ' with messages of 1 MiB'), pace: 10, size: large, bites: true, long: true },
  ] },
];

/**
 * Runs troubles, those whose name matches `only`, in `beside` houses at a time; check(name, fn)
 * runs one and notes how it ended. At the end of a house everything that was ever sent there
 * is looked for.
 */
export async function troubles(check, { seconds, senders = 16, width = 4, only = /./, beside = 1 }) {
  const sink = await startSink();
  const env = { RESTANTE_SMARTHOST: `127.0.0.1:${sink.port}` };
  const left = houses.map(({ faults, ...house }) => ({ ...house,
    faults: faults.filter(({ fault, long }) => only.test(fault.name) && (!long || seconds >= 10)) })).filter(({ faults }) => faults.length);
  const one = async () => {
    for (let house = left.shift(); house; house = left.shift()) {
      await inHouse(check, house, { seconds, senders, width, env: { ...env, ...house.env } });
    }
  };
  await Promise.all(Array.from({ length: beside }, one));
  sink.close();
}

async function plain(env) {
  const inst = await startInstallation({ env });
  return { inst, stop: () => inst.stop() };
}

async function inHouse(check, { name, disks, faults }, { seconds, senders, width, env }) {
  const all = { letters: new Map(), taken: new Map(), log: { refused: [], hung: [] } };
  const { inst, stop } = disks ? await onSmallDisks({ ...disks, env }) : await plain(env);
  try {
    const readers = await moreReaders(inst, 2);
    for (const { fault, ...options } of faults) {
      await check(`${fault.name}, ${seconds} s`, async () => {
        const { senders: s, text, told } = await during(inst, readers, fault, { seconds, senders, ...options });
        for (const [token, letter] of s.letters) all.letters.set(token, letter);
        for (const [token, id] of s.taken) all.taken.set(token, id);
        if (text) throw new Error(`${text}\n${told}`);
        return told;
      });
    }
    await check(`after ${name} nothing is lost or doubled`, async () => {
      const { text, opened } = await wrong(inst, readers, all, { width });
      if (text) throw new Error(text);
      return `${all.taken.size} acknowledged, ${opened} opened by their readers, all byte-identical`;
    });
  } finally {
    await stop();
  }
}
