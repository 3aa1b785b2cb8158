// house-places.mjs: the same from odd places: a path too long for a Unix socket and
// with a space in it, and a clone of an ordinary user.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import https from 'node:https';
import net from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import { bin, isRoot, must, run, until } from '../lib/process.mjs';
import { freePorts, scratch, startInstallation } from '../lib/installation.mjs';
import { request } from '../lib/web.mjs';

test('a long path', async () => {
  const dir = await scratch();
  const state = path.join(dir, 'long-'.repeat(20), 'var');
  const inst = await startInstallation({ state });
  try {
    assert.equal((await request(inst, 'acme.localhost', '/readyz')).status, 200);
    assert.equal((await inst.ctl('doctor')).status, 0);
  } finally {
    await inst.stop();
    await fs.rm(dir, { recursive: true });
  }
});

test('addresses of IPv4 and IPv6', async () => {
  const inst = await startInstallation({ bind: '127.0.0.1 ::1' });
  const { HTTPS_PORT: port, HTTP_PORT: plain, SMTP_PORT: smtp } = inst.ports;
  try {
    for (const host of ['127.0.0.1', '::1']) {
      const answer = await new Promise((resolve, reject) => {
        https.get({ host, port, path: '/healthz', servername: 'acme.localhost', ca: inst.ca, agent: false,
          headers: { host: `acme.localhost:${port}` } }, resolve).on('error', reject);
      });
      answer.resume();
      assert.equal(answer.statusCode, 200, host);
      const at = host === '::1' ? '[::1]' : host;
      const moved = await fetch(`http://${at}:${plain}/check`, { redirect: 'manual' });
      assert.equal(moved.headers.get('location'), `https://${at}:${port}/check`);
      const socket = net.connect(smtp, host);
      assert.match(String((await once(socket, 'data'))[0]), /^220 /, host);
      socket.destroy();
      await until(async () => (await inst.log('portal')).split('\n').some((line) =>
        line.includes('"route":"redirect"') && line.includes(`"client":"${host}"`)), { what: `a line of the log about ${host}` });
    }
  } finally {
    await inst.stop();
  }
});

if (isRoot) {
  test('root with a state that user postgres cannot reach', async () => {
    const dir = await scratch();
    await fs.chmod(dir, 0o700);
    const inst = await startInstallation({ state: path.join(dir, 'var') });
    const cluster = await fs.realpath(path.join(inst.state, 'pg'));
    try {
      assert.match(cluster, /^\/var\/lib\/restante\/[^/]+\/pg$/);
      assert.equal((await inst.ctl('doctor')).status, 0);
    } finally {
      await inst.stop();
      await fs.rm(path.dirname(cluster), { recursive: true });
      await fs.rm(dir, { recursive: true });
    }
  });

  test('`make run` of an ordinary user, in a clone of their own', async () => {
    const user = `restante${process.pid}`;
    const dir = await scratch();
    const clone = path.join(dir, 'clone');
    await must('useradd', ['--no-create-home', '--home-dir', dir, '--shell', '/bin/bash', user]);
    try {
      await copyClone(clone);
      await must('chown', ['-R', `${user}:`, dir]);
      const { status, stdout, stderr } = await runAs(user, dir, clone);
      assert.equal(status, 0, stdout + stderr);
      assert.match(stdout, /^ready$/m);
      assert.match(stdout, new RegExp(`^owner ${user}$`, 'm'));
      assert.match(stdout, /^page 200$/m);
      assert.match(stdout, /^left 0$/m);
    } finally {
      await must('userdel', [user]);
      await fs.rm(dir, { recursive: true });
    }
  });
}

// The tree as it stands, with what is built and installed already: make sees by the
// times, which are kept, that there is nothing to do.
async function copyClone(clone) {
  await fs.mkdir(clone);
  await must('bash', ['-c', `
    set -e
    git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$1"
    mkdir -p "$1/tests" "$1/build"
    cp -a tests/node_modules "$1/tests/"
    (cd "$2" && tar -c --exclude=./asan --exclude=./clang --exclude=./unit --exclude='./obj/tests' .) |
      tar -x -C "$1/build"`, 'bash', clone, bin]);
}

async function runAs(user, home, clone) {
  const [https, smtp, smtps, catchSmtp, catchHttp, metrics] = await freePorts(6);
  const env = { HOME: home, PATH: '/usr/local/bin:/usr/bin:/bin', STATE: 'var', B: 'build',
    HTTPS_PORT: https, SMTP_PORT: smtp, SMTPS_PORT: smtps, CATCH_SMTP_PORT: catchSmtp,
    CATCH_HTTP_PORT: catchHttp, METRICS_PORT: metrics, MAKEFLAGS: '' };
  const script = `
    make run >out 2>&1 &
    make=$!
    for i in $(seq 600); do
      grep -qx ready out && break
      kill -0 $make 2>/dev/null || break
      sleep 0.1
    done
    cat out
    stat -c 'owner %U' "/proc/$(cat var/run/postgres.pid)"
    curl -s -o /dev/null -w 'page %{http_code}\\n' --cacert var/tls/ca.pem \
      --connect-to ::127.0.0.1:${https} https://acme.localhost:${https}/readyz
    kill -TERM $make
    wait $make
    echo "left $(find var/run -name '*.pid' | wc -l)"`;
  return run('setpriv', [`--reuid=${user}`, `--regid=${user}`, '--clear-groups',
    'env', '-i', ...Object.entries(env).map((pair) => pair.join('=')), 'bash', '-c', script],
  { cwd: clone, timeout: 180000 });
}
