// faults.mjs: things that go wrong around an installation, begun and ended. Each fault is
// { name, begin(inst) }, which gives the function that ends it.
import fs from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { parts } from './killer.mjs';
import { alive, descendants, isRoot, must, sleep } from './process.mjs';

const asRoot = (...args) => (isRoot ? must(args[0], args.slice(1)) : must('sudo', ['-n', ...args]));

async function signal(pids, name) {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }
}

async function freeze(pids) {
  await signal(pids, 'SIGSTOP');
  return () => signal(pids, 'SIGCONT');
}

/** One service with all its processes. */
export const frozen = (service, more = '') => ({
  name: `${service} frozen${more}`,
  async begin(inst) {
    const pid = await inst.pid(service);
    const undo = await freeze([pid]);
    const rest = await freeze(await descendants(pid));
    return async () => { await rest(); await undo(); };
  },
});

const worked = async (pid) => {
  const line = await fs.readFile(`/proc/${pid}/stat`, 'latin1');
  const [user, system] = line.slice(line.lastIndexOf(')')).split(' ').slice(12, 14);
  return Number(user) + Number(system);
};

/** One process alone: that which has worked most. */
export const oneFrozen = (part) => ({
  name: `one ${part} frozen`,
  async begin(inst) {
    const all = await Promise.all((await parts[part](inst)).map(async (pid) => [await worked(pid), pid]));
    return freeze([all.sort(([a], [b]) => b - a)[0][1]]);
  },
});

const writing = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') D ');
  } catch {
    return false;
  }
};

/** One backend of intake, while it holds what every commit needs: others are let in and read, and none commits. */
export const frozenWriting = {
  name: 'one backend of intake frozen while it writes',
  async begin(inst) {
    const held = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'LWLock' AND wait_event = 'WALWrite'";
    for (const end = Date.now() + 60000; Date.now() < end;) {
      const all = await parts['backend of intake'](inst);
      let pid;
      for (const now = Date.now(); !pid && Date.now() - now < 20;) pid = all.find(writing);
      if (!pid) continue;
      const undo = await freeze([pid]);
      await sleep(400);
      if (Number((await inst.rows(held))[0][0])) return undo;
      await undo();
    }
    throw new Error('none was met while it wrote');
  },
};

/** PostgreSQL ends in good order, and cannot start until somebody mends its configuration. */
export const postgresDown = {
  name: 'PostgreSQL stopped',
  async begin(inst) {
    const file = path.join(inst.state, 'pg/postgresql.conf');
    const good = await fs.readFile(file, 'utf8');
    await fs.appendFile(file, '\nno_such_setting = on\n');
    await inst.kill('postgres', 'SIGINT');
    return () => fs.writeFile(file, good);
  },
};

const vmSize = async (pid) => Number((await fs.readFile(`/proc/${pid}/status`, 'utf8')).match(/VmSize:\s*(\d+)/)[1]) * 1024;

/** No more memory for intake, and whatever takes its place: `more` bytes above what it has. */
export const noMemory = (more, name = 'memory limit') => ({
  name,
  async begin(inst) {
    const parent = await inst.pid('intake');
    const workers = await parts['intake worker'](inst);
    const most = Math.max(...await Promise.all(workers.map(vmSize))) + more;
    const limit = async (value) => {
      for (const pid of [parent, ...await parts['intake worker'](inst)]) {
        if (await alive(pid)) await must('prlimit', ['--pid', String(pid), `--as=${value}:`]).catch(() => {});
      }
    };
    await limit(most);
    return () => limit('unlimited');
  },
});

/** A small file system of its own at `dir`; gives the function that takes it away. */
export async function smallDisk(dir, mib) {
  await asRoot('mount', '-t', 'tmpfs', '-o', `size=${mib}m,mode=755`, 'tmpfs', dir);
  await asRoot('chown', String(process.getuid()), dir);
  const off = () => execFileSync(isRoot ? 'umount' : 'sudo', [...(isRoot ? [] : ['-n', 'umount']), '-l', dir], { stdio: 'ignore' });
  process.once('exit', off);
  return () => { process.removeListener('exit', off); off(); };
}

/** The small disk at `dir` (in the state) is `mib` MiB large for a while, of `usual`. */
export const diskTiny = (dir, mib, usual) => ({
  name: `disk of ${dir} of ${mib} MiB`,
  async begin(inst) {
    const size = (n) => asRoot('mount', '-o', `remount,size=${n}m`, path.join(inst.state, dir));
    await size(mib);
    return () => size(usual);
  },
});

/** No room any more on the disk where `dir` (in the state) lies. */
export const diskFull = (dir, more = '') => ({
  name: `disk of ${dir} full${more}`,
  async begin(inst) {
    const file = path.join(inst.state, dir, 'ballast');
    // Whatever becomes free meanwhile is taken too.
    const fill = () => asRoot('sh', '-c', 'cat /dev/zero >>"$1" 2>/dev/null; true', 'sh', file);
    await fill();
    const again = setInterval(() => { fill().catch(() => {}); }, 300);
    return async () => {
      clearInterval(again);
      await fill();
      await asRoot('rm', '-f', file);
    };
  },
});
