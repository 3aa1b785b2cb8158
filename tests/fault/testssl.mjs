// testssl.mjs: testssl.sh against the three ports that speak TLS: nothing above LOW, but that
// a private authority has no revocation. Some minutes.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { startInstallation } from '../lib/installation.mjs';
import { run } from '../lib/process.mjs';

let inst;

before(async () => { inst = await startInstallation(); });
after(() => inst?.stop());

/** All findings of a report: [{ id, severity, finding }]. */
function findings(value) {
  if (Array.isArray(value)) return value.flatMap(findings);
  if (value === null || typeof value !== 'object') return [];
  return (value.severity && value.id ? [value] : []).concat(findings(Object.values(value)));
}

for (const [name, port, more] of [['https', 'HTTPS_PORT', []], ['smtps', 'SMTPS_PORT', []], ['starttls', 'SMTP_PORT', ['-t', 'smtp']]]) {
  test(`${name}: nothing above LOW`, { timeout: 1200e3 }, async () => {
    const report = path.join(inst.state, `${name}.json`);
    await run('testssl', ['--add-ca', path.join(inst.state, 'tls/ca.pem'), '--quiet', '--warnings', 'off', '--color', '0',
      '--ip', inst.host, '--jsonfile-pretty', report, ...more, `acme.localhost:${inst.ports[port]}`], { timeout: 1200e3 });
    const all = findings(JSON.parse(await fs.readFile(report, 'utf8')));
    const count = {};
    for (const { severity } of all) count[severity] = (count[severity] ?? 0) + 1;
    console.log(name, count);
    assert.ok(count.OK > 30, 'it ran to its end');
    const bad = all.filter(({ severity, id }) => /^(MEDIUM|HIGH|CRITICAL|FATAL)$/.test(severity) && id.split(' ')[0] !== 'cert_revocation');
    assert.deepEqual(bad.map(({ id, severity, finding }) => `${severity} ${id}: ${finding}`), []);
  });
}
