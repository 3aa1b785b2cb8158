// house.mjs: `make run` keeps its promises: it comes up quickly, keeps what it has,
// brings back what dies, and leaves nothing behind.
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { alive, descendants, run, until } from '../lib/process.mjs';
import { Installation, listening, services, startInstallation } from '../lib/installation.mjs';
import { request } from '../lib/web.mjs';
import { smtpConnect } from '../lib/smtp.mjs';

let inst;
before(async () => { inst = await startInstallation(); });
after(() => inst.stop());

// What shows from outside that a service does its work.
const works = {
  postgres: async () => (await inst.rows('SELECT 1'))[0][0] === '1',
  keyd: async () => (await inst.ctl('doctor')).status === 0,
  portal: async () => (await request(inst, 'acme.localhost', '/readyz')).status === 200,
  intake: async () => {
    const session = await smtpConnect(inst);
    await session.quit();
    return session.ehlo.code === 250;
  },
  courier: async () => alive(await inst.pid('courier')),
  catcher: async () => Array.isArray(await inst.catcher.mails()),
};

test('`ready` stands alone on the last line, after the addresses and one command to try', () => {
  const lines = inst.output.trimEnd().split('\n');
  assert.equal(lines.at(-1), 'ready');
  assert.equal(lines.filter((line) => /^\s*swaks /.test(line)).length, 1);
  for (const port of ['HTTPS_PORT', 'SMTP_PORT', 'SMTPS_PORT', 'CATCH_HTTP_PORT']) {
    assert.match(inst.output, new RegExp(`:${inst.ports[port]}\\b`), port);
  }
});

test('a pid file names the very process, and the runner alone started it', async () => {
  const ours = await descendants(inst.runner.pid);
  const programs = { postgres: 'postgres', keyd: 'restante-keyd', portal: 'restante',
    intake: 'restante', courier: 'restante-courier', catcher: 'node' };
  for (const service of services) {
    const pid = await inst.pid(service);
    assert.ok(ours.includes(pid), `${service} is a child of the runner`);
    assert.equal(path.basename(await fs.readlink(`/proc/${pid}/exe`)), programs[service]);
  }
});

test('the cluster is durable, private and silent about what it is told', async () => {
  const settings = Object.fromEntries(await inst.rows('SELECT name, setting FROM pg_settings'));
  const wanted = { listen_addresses: '', fsync: 'on', synchronous_commit: 'on',
    full_page_writes: 'on', data_checksums: 'on', log_statement: 'none',
    log_min_error_statement: 'panic', log_error_verbosity: 'terse' };
  for (const [name, value] of Object.entries(wanted)) assert.equal(settings[name], value, name);

  const token = 'q7Vx2Lm9Zt4Kd8Wr';
  const { status, stderr } = await inst.psql(`
    CREATE TEMPORARY TABLE t (v text PRIMARY KEY);
    INSERT INTO t VALUES ('${token}');
    INSERT INTO t VALUES ('${token}');`);
  assert.notEqual(status, 0);
  assert.match(stderr, new RegExp(token), 'the client is told the value');
  const log = await until(async () => {
    const text = await inst.log('postgres');
    return text.includes('duplicate key') && text;
  });
  assert.ok(!log.includes(token), 'the log is not');
});

test('no process may leave a core file', async () => {
  for (const service of services) {
    const limits = await fs.readFile(`/proc/${await inst.pid(service)}/limits`, 'utf8');
    assert.match(limits, /^Max core file size\s+0\s+0\s/m, service);
  }
});

for (const service of services) {
  test(`${service} comes back after kill -9 and works`, async () => {
    await works[service]();
    const before = await inst.kill(service);
    await inst.back(service, before);
    await until(works[service], { timeout: 30000, what: `${service} works again` });
    assert.match(inst.output, new RegExp(`restante: ${service} ended \\(signal 9\\)`));
  });
}

test('Kore takes its workers along: none is left beside the new ones', async () => {
  const before = await inst.pid('portal');
  const workers = await descendants(before);
  assert.ok(workers.length >= 1, 'the portal has a worker');
  process.kill(before, 'SIGKILL');
  await inst.back('portal', before);
  await until(works.portal, { timeout: 30000, what: 'the portal works again' });
  for (const pid of workers) assert.equal(await alive(pid), false);
});

test('everything killed at once comes back as well', async () => {
  const before = {};
  for (const service of services) before[service] = await inst.pid(service);
  for (const service of services) await inst.kill(service);
  for (const service of services) {
    await inst.back(service, before[service]);
    await until(works[service], { timeout: 30000, what: `${service} works again` });
  }
});

test('a second runner on the same state is refused and disturbs nothing', async () => {
  const pids = await Promise.all(services.map((service) => inst.pid(service)));
  const second = new Installation({ state: inst.state });
  await assert.rejects(second.start(), /status 1[^]*already running on/);
  assert.deepEqual(await Promise.all(services.map((service) => inst.pid(service))), pids);
  assert.ok(await works.portal());
});

test('a port that is taken is named', async () => {
  const { HTTPS_PORT } = inst.ports;
  const other = new Installation({ env: { HTTPS_PORT } });
  await assert.rejects(other.start(), new RegExp(`status 1[^]*port ${HTTPS_PORT} .* in use[^]*HTTPS_PORT=`));
  await other.remove();
});

test('Ctrl-C ends everything; a second start takes under 10 seconds and finds all of it', async () => {
  const tenants = await inst.ctlJson('tenant', 'list');
  assert.match(JSON.stringify(tenants), /acme[^]*globex/);
  const processes = [inst.runner.pid, ...await descendants(inst.runner.pid)];
  assert.ok(processes.length > services.length);

  const asked = Date.now();
  await inst.stop({ keep: true });
  const took = Date.now() - asked;
  assert.ok(took < 10000, `ended after ${took} ms`);
  await sleep(200);
  for (const pid of processes) assert.equal(await alive(pid), false, `process ${pid} is gone`);
  const left = await fs.readdir(path.join(inst.state, 'run'));
  assert.deepEqual(left.filter((name) => name.endsWith('.pid')), []);

  const began = Date.now();
  await inst.start();
  const up = Date.now() - began;
  assert.ok(up < 10000, `ready after ${up} ms`);
  assert.deepEqual(await inst.ctlJson('tenant', 'list'), tenants);
});

test('a runner that was killed is followed by one that clears up after it', async () => {
  const orphans = await descendants(inst.runner.pid);
  process.kill(inst.runner.pid, 'SIGKILL');
  await inst.ended;
  assert.ok((await Promise.all(orphans.map(alive))).includes(true), 'its services live on');
  await inst.start();
  for (const service of services) assert.ok(await works[service](), service);
  for (const pid of orphans) assert.equal(await alive(pid), false, `process ${pid} is gone`);
});

test('its ports may be free a moment after it was killed', async () => {
  process.kill(inst.runner.pid, 'SIGKILL');
  await inst.ended;
  process.kill(-await inst.pid('portal'), 'SIGKILL');
  const { HTTPS_PORT } = inst.ports;
  await until(async () => !await listening(HTTPS_PORT), { what: 'the portal is gone' });
  const holder = net.createServer().listen(HTTPS_PORT, '127.0.0.1');
  const starting = inst.start();
  await until(() => !existsSync(path.join(inst.state, 'run/keyd.pid')), { what: 'swept' });
  await sleep(1000);
  holder.close();
  await starting;
  assert.ok(await works.portal());
});

test('the settings for a shell are enough for psql and restantectl', async () => {
  const { status, stdout, stderr } = await run('sh', ['-c',
    '. "$1/env" && psql -X -Atc "SELECT current_database()" -U restante_intake && restantectl doctor >/dev/null && echo well',
    'sh', inst.state]);
  assert.equal(status, 0, stderr);
  assert.equal(stdout, 'restante\nwell\n');
});
