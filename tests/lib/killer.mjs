// killer.mjs: ends a process of an installation as kill -9 does, by the part it plays.
import fs from 'node:fs/promises';
import { randomInt } from 'node:crypto';
import { alive, children } from './process.mjs';

const title = (pid) => fs.readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');

async function below(inst, service, which = () => true) {
  const all = await children(await inst.pid(service));
  const names = await Promise.all(all.map(title));
  return all.filter((pid, i) => which(names[i]));
}

/** The processes that play a part; any of them will do. */
export const parts = {
  intake: async (inst) => [await inst.pid('intake')],
  'intake worker': (inst) => below(inst, 'intake'),
  keyd: async (inst) => [await inst.pid('keyd')],
  courier: async (inst) => [await inst.pid('courier')],
  portal: async (inst) => [await inst.pid('portal')],
  'portal worker': (inst) => below(inst, 'portal'),
  postmaster: async (inst) => [await inst.pid('postgres')],
  'backend of intake': (inst) => below(inst, 'postgres', (name) => /restante_intake/.test(name)),
  'any of postgres': (inst) => below(inst, 'postgres'),
};

/** Sends a signal to one process that plays this part: its id, 0 when none is there just now. */
export async function strike(inst, part, signal = 'SIGKILL') {
  const all = await parts[part](inst).catch(() => []);
  const pid = all[randomInt(Math.max(1, all.length))];
  if (!pid || !await alive(pid)) return 0;
  try {
    process.kill(pid, signal);
    return pid;
  } catch {
    return 0;
  }
}
