// What load balancers and Prometheus are told: /readyz names what is wanting, and asks
// for it at most once a second; /healthz says no more than that we live; the counters of
// portal and intake move with what happens.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fs from 'node:fs/promises';
import { get } from 'node:http';
import path from 'node:path';
import { startInstallation } from '../lib/installation.mjs';
import { until } from '../lib/process.mjs';
import { smtpConnect, compose } from '../lib/smtp.mjs';
import { request } from '../lib/web.mjs';

let inst;
const host = 'acme.localhost';

before(async () => { inst = await startInstallation(); }, { timeout: 240000 });
after(() => inst?.stop());

const ask = (path) => request(inst, host, path);

/** What /readyz says of each part. */
async function parts() {
  const { status, body } = await ask('/readyz');
  const lines = String(body).trimEnd().split('\n').map((line) => JSON.parse(line));
  return { status, ...Object.fromEntries(lines.map(({ check, ok }) => [check, ok])) };
}

/** All series of a listener of metrics, by name and labels. */
const metrics = (port, path = '/metrics') => new Promise((done, failed) => {
  get({ host: '127.0.0.1', port, path, agent: false }, (res) => {
    let text = '';
    res.setEncoding('utf8').on('data', (part) => { text += part; }).on('end', () => done({
      status: res.statusCode, type: res.headers['content-type'], text,
      series: Object.fromEntries(text.split('\n').filter((line) => line && !line.startsWith('#'))
        .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))])),
    }));
  }).on('error', failed);
});

test('ready: every part is named and well', async () => {
  assert.deepEqual(await parts(), {
    status: 200, database: true, schema: true, keyd: true, spool: true, threads: true, serving: true,
  });
});

const wants = [
  ['keyd', [], { away: () => inst.kill('keyd', 'SIGSTOP'), back: () => inst.kill('keyd', 'SIGCONT') }],
  ['database', ['schema'], {
    away: () => inst.rows(`ALTER ROLE restante_portal NOLOGIN;
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'restante_portal'`),
    back: () => inst.rows(`ALTER ROLE restante_portal LOGIN`),
  }],
  ['schema', [], {
    away: () => inst.rows(`CREATE TABLE aside AS SELECT * FROM schema_version ORDER BY version DESC LIMIT 1;
      DELETE FROM schema_version WHERE version = (SELECT version FROM aside)`),
    back: () => inst.rows('INSERT INTO schema_version SELECT * FROM aside; DROP TABLE aside'),
  }],
  ['spool', [], {
    away: () => fs.rename(path.join(inst.state, 'spool'), path.join(inst.state, 'elsewhere')),
    back: () => fs.rename(path.join(inst.state, 'elsewhere'), path.join(inst.state, 'spool')),
  }],
];
for (const [part, also, { away, back }] of wants) {
  test(`without ${part}: 503, which names it alone; and 200 again by itself`, async () => {
    await away();
    try {
      await until(async () => !(await parts())[part], { timeout: 60000 });
      const said = await parts();
      assert.equal(said.status, 503);
      assert.deepEqual(Object.keys(said).filter((name) => said[name] === false).sort(), [part, ...also].sort());
      assert.equal((await ask('/healthz')).status, 200);
    } finally {
      await back();
    }
    await until(async () => (await parts()).status === 200, { timeout: 60000 });
  });
}

test('a crowd that asks /readyz costs the database one question a second', async () => {
  const count = async () => {
    const [[n]] = await inst.rows(`SELECT idx_scan + seq_scan FROM pg_stat_all_tables WHERE relname = 'schema_version'`);
    return Number(n);
  };
  const began = performance.now();
  const first = await count();
  for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 10 }, () => ask('/readyz')));
  // Statistics are told a moment later.
  await new Promise((done) => { setTimeout(done, 1500); });
  const seconds = (performance.now() - began) / 1000;
  assert.ok(await count() - first <= seconds + 2, 'asked more often');
});

test('metrics: routes, bytes, connections and mails are counted; no secret, path or address is told', async () => {
  const before = await metrics(inst.ports.METRICS_PORT);
  const mails = await metrics(inst.ports.INTAKE_METRICS_PORT);
  assert.equal(before.status, 200);
  assert.equal(before.type, 'text/plain; version=0.0.4; charset=utf-8');
  await ask('/login?next=secret-token');
  await ask('/no/such/secret-token');
  const session = await smtpConnect(inst, { auth: 'alice@acme.example' });
  await session.mail({ from: 'alice@acme.example', to: 'carol@partner.example',
    data: compose({ from: 'alice@acme.example', to: 'carol@partner.example', subject: 'x', body: 'y\r\n' }) });
  session.close();
  const after = await metrics(inst.ports.METRICS_PORT);
  const more = (a, b, name) => (b.series[name] ?? 0) - (a.series[name] ?? 0);
  assert.equal(more(before, after, 'restante_http_requests_total{route="login",status="2xx"}'), 1);
  assert.ok(more(before, after, 'restante_http_request_seconds_count{class="page"}') >= 1);
  assert.ok(more(before, after, 'restante_bytes_total{way="out"}') > 1000);
  assert.ok(more(before, after, 'restante_connections_total{door="https"}') >= 1);
  assert.ok(more(before, after, 'restante_tls_handshakes_total{version="TLSv1.3",resumed="no"}') >= 1);
  assert.equal(after.series.restante_worker_starts_total, 1);
  assert.ok(after.series.process_resident_memory_bytes > 1e6);
  const taken = await metrics(inst.ports.INTAKE_METRICS_PORT);
  assert.equal(more(mails, taken, 'restante_mails_total{result="taken"}'), 1);
  for (const { text } of [after, taken]) assert.doesNotMatch(text, /secret|\/|localhost|example|127\.0\.0/);
});

test('metrics: nothing else is there, and the portal itself does not tell them', async () => {
  assert.equal((await metrics(inst.ports.METRICS_PORT, '/')).status, 404);
  assert.equal((await ask('/metrics')).status, 404);
});
