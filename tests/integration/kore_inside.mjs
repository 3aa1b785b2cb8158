// kore_inside.mjs: builds kore_inside.c with the objects of Kore that the build made,
// and runs it. Each was tried once with its patch left out, and failed.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { bin, must, run, top } from '../lib/process.mjs';

let dir;
let program;
let conf;

before(async () => {
  dir = await fs.mkdtemp(path.join(os.tmpdir(), 'restante-inside-'));
  program = path.join(dir, 'kore_inside');
  conf = path.join(dir, 'inside.conf');
  await fs.writeFile(conf, [`pidfile ${dir}/inside.pid`, 'workers 1', 'worker_set_affinity 0',
    'worker_death_policy terminate', 'server none {', `unix ${dir}/sock`, 'tls no', '}',
    'domain * {', 'attach none', '}', ''].join('\n'));
  const kore = path.join(bin, 'kore');
  const objects = (await fs.readdir(path.join(kore, 'obj'))).filter((name) => name.endsWith('.o'));
  const features = (await fs.readFile(path.join(kore, 'obj/features'), 'utf8')).split(/\s+/).filter(Boolean);
  await must(process.env.CC || 'cc', ['-std=c11', '-D_GNU_SOURCE', '-pthread', '-O1', '-fPIE', ...features,
    '-isystem', path.join(kore, 'include'), '-isystem', path.join(kore, 'obj'),
    path.join(top, 'tests/integration/kore_inside.c'), ...objects.map((name) => path.join(kore, 'obj', name)),
    '-pie', '-rdynamic', '-lssl', '-lcrypto', '-ldl', '-o', program]);
});
after(() => fs.rm(dir, { recursive: true, force: true }));

/** In a session of its own: Kore signals its process group. */
const inside = (mode) => run('setsid', ['-w', program, mode, conf], { timeout: 5000, cwd: dir });

// 07-seccomp-process; without it the thread alone dies and the worker hangs on.
test('a forbidden call on a thread ends the worker', async () => {
  const { status, stdout } = await inside('seccomp');
  assert.match(stdout, /died from sandbox violation/);
  assert.doesNotMatch(stdout, /hangs on/);
  assert.equal(status, 0);
});

// 08-wipe; without it the words are found.
test('memory that Kore takes back is wiped', async () => {
  const { status, stdout } = await inside('wipe');
  assert.equal(stdout, 'well\n');
  assert.equal(status, 0);
});

// 09-net-read; without it the program dies of a null pointer.
test('a TLS read that waits touches no send buffer', async () => {
  const { status, stdout } = await inside('read');
  assert.equal(stdout, 'well\n');
  assert.equal(status, 0);
});
