// process.mjs: running programs and waiting for things, for every test.
import { spawn } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import os from 'node:os';

export const top = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const bin = path.resolve(top, process.env.B || 'build');

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * Calls look() until it gives something truthy, and gives that. What it throws
 * counts as "not yet"; the last of it is told when the time is over.
 */
export async function until(look, { timeout = 20000, every = 50, what = look.toString() } = {}) {
  const end = Date.now() + timeout;
  let last;
  for (;;) {
    try {
      const answer = await look();
      if (answer) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) {
      throw new Error(`not within ${timeout} ms: ${what}${last ? ` (${last.message})` : ''}`, { cause: last });
    }
    await sleep(every);
  }
}

/** Runs a program to its end: { status, signal, stdout, stderr }; the outputs are text unless `raw`. */
export function run(program, args = [], { input, env, cwd = top, timeout = 120000, raw = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, timeout });
    const out = [];
    const err = [];
    child.stdout.on('data', (d) => out.push(d));
    child.stderr.on('data', (d) => err.push(d));
    child.on('error', reject);
    child.stdin.on('error', () => {}); // it need not read all we give
    child.stdin.end(input ?? '');
    child.on('close', (status, signal) => {
      const whole = (parts) => (raw ? Buffer.concat(parts) : Buffer.concat(parts).toString());
      resolve({ status, signal, stdout: whole(out), stderr: whole(err) });
    });
  });
}

/** As run(), but anything except exit status 0 throws with what it said. Gives stdout. */
export async function must(program, args, options) {
  const { status, signal, stdout, stderr } = await run(program, args, options);
  if (status !== 0) {
    throw new Error(`${program} ${args.join(' ')}: ${signal ?? `status ${status}`}\n${stdout}${stderr}`);
  }
  return stdout;
}

// State and parent of a process, or nothing.
async function stat(pid) {
  try {
    const line = await readFile(`/proc/${pid}/stat`, 'latin1');
    const [state, parent] = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return { state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

/** Is there such a process (a zombie is none)? */
export async function alive(pid) {
  const found = await stat(pid);
  return found !== undefined && !/[ZX]/.test(found.state);
}

/** The process ids of all children of a process, and theirs. */
export async function descendants(pid) {
  const all = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(all.map(async (one) => [one, (await stat(one))?.parent]));
  const found = [pid];
  for (const known of found) {
    found.push(...parents.filter(([, parent]) => parent === known).map(([one]) => one));
  }
  return found.slice(1);
}

/**
 * How many descriptors a process has, but for Unix sockets: a thread of ours connects to the
 * database and to keyd when it first has to.
 */
export async function descriptors(pid) {
  const names = await Promise.all((await readdir(`/proc/${pid}/fd`))
    .map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  const unix = new Set((await readFile(`/proc/${pid}/net/unix`, 'utf8')).split('\n')
    .map((line) => `socket:[${line.split(/\s+/)[6]}]`));
  return names.filter((name) => name && !unix.has(name)).length;
}

export const isRoot = os.userInfo().uid === 0;

/** The process ids of a process's own children. */
export async function children(pid) {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'latin1').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
}
