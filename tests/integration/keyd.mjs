// keyd.mjs: the key process as it is shipped: its unit tests over the real
// program, and what the kernel says about it while it runs.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, readdir, readlink, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { bin, run, until } from '../lib/process.mjs';

const program = path.join(bin, 'restante-keyd');

async function start(t, env = {}) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'keyd-'));
  const child = spawn(program, [], {
    env: { ...process.env, RESTANTE_KEYD_DIR: path.join(dir, 'keyd'), ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const keyd = { dir: path.join(dir, 'keyd'), child, log: '', ended: new Promise((done) => child.on('close', (code, signal) => done({ code, signal }))) };
  child.stderr.on('data', (d) => { keyd.log += d; });
  t.after(async () => {
    child.kill('SIGKILL');
    await keyd.ended;
    await rm(dir, { recursive: true, force: true });
  });
  await until(() => keyd.log.includes('"started"'), { what: 'keyd started' });
  return keyd;
}

test('the real program passes the tests of the process', async () => {
  const { status, stdout, stderr } = await run(path.join(bin, 'unit/test_keyd_serve'), [], { env: { KEYD: program } });
  assert.equal(status, 0, stdout + stderr);
});

test('it is sandboxed and leaves no core file', async (t) => {
  const { child } = await start(t);
  const proc = await readFile(`/proc/${child.pid}/status`, 'utf8');
  assert.match(proc, /^Seccomp:\s+2$/m);
  assert.match(proc, /^NoNewPrivs:\s+1$/m);
  assert.match(await readFile(`/proc/${child.pid}/limits`, 'utf8'), /^Max core file size\s+0\s+0/m);
  // Not dumpable: the kernel gives its entries to root.
  assert.equal((await stat(`/proc/${child.pid}/environ`)).uid, 0);
});

test('all its sockets are the four of its directory', async (t) => {
  const { child, dir } = await start(t);
  let fds;
  try {
    fds = await readdir(`/proc/${child.pid}/fd`);
  } catch {
    return t.skip('only root may look at a process that is not dumpable');
  }
  const links = await Promise.all(fds.map((fd) => readlink(`/proc/${child.pid}/fd/${fd}`)));
  // Node 18's other readFile() ends after the first page of such a file.
  const unix = readFileSync('/proc/net/unix', 'utf8');
  const sockets = links.filter((l) => l.startsWith('socket:')).map((l) => l.slice(8, -1));
  for (const inode of sockets) assert.match(unix, new RegExp(`\\b${inode}\\b`), `socket ${inode} is no Unix socket`);
  assert.deepEqual((await readdir(path.join(dir, 'sock'))).sort(), ['courier', 'ctl', 'intake', 'portal']);
});

test('every line of its log is one JSON object, and the last one says it stopped', async (t) => {
  const keyd = await start(t);
  keyd.child.kill('SIGTERM');
  assert.deepEqual(await keyd.ended, { code: 0, signal: null });
  const lines = keyd.log.trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.ok(lines.every((l) => l.process === 'keyd' && l.time && l.level && l.event));
  assert.equal(lines.at(-1).event, 'stopped');
  assert.deepEqual(await readdir(path.join(keyd.dir, 'sock')), []);
});

test('it says why it does not start', async () => {
  const none = await run(program, [], { env: { RESTANTE_KEYD_DIR: '' } });
  assert.equal(none.status, 1);
  assert.equal(JSON.parse(none.stderr).event, 'cannot start');
  const uids = await run(program, [], { env: { RESTANTE_KEYD_DIR: '/tmp', RESTANTE_KEYD_UIDS: 'nobody=x' } });
  assert.equal(uids.status, 1);
  assert.match(JSON.parse(uids.stderr).detail, /RESTANTE_KEYD_UIDS/);
  const open = await run(program, [], { env: { RESTANTE_KEYD_DIR: '/tmp' } });
  assert.equal(open.status, 1);
  assert.equal(JSON.parse(open.stderr).error, 'corrupt');
});
