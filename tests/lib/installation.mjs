// installation.mjs: a whole installation of Restante for one test file: its own
// state, its own ports, the real processes under the same runner as `make run`.
import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { bin as usualBin, must, run, top, until, alive } from './process.mjs';
import { Catcher } from './catcher.mjs';

export const services = ['postgres', 'keyd', 'portal', 'intake', 'courier', 'catcher'];
export const demoPassword = 'correct horse battery staple';

const portNames = [
  'HTTPS_PORT', 'SMTP_PORT', 'SMTPS_PORT', 'CATCH_SMTP_PORT', 'CATCH_HTTP_PORT', 'METRICS_PORT', 'HTTP_PORT',
  'INTAKE_METRICS_PORT',
];

// What a process still holds when it is told to end is no leak.
const sanitizers = {
  ASAN_OPTIONS: 'detect_leaks=0:detect_stack_use_after_return=1',
  UBSAN_OPTIONS: 'print_stacktrace=1',
};

/** Does anybody listen there? */
export function listening(port, host = '127.0.0.1') {
  return new Promise((resolve) => {
    const socket = net.connect(port, host);
    socket.on('connect', () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
  });
}

/** `count` ports in a row where nobody listens, below the kernel's own range. */
export async function freePorts(count) {
  for (;;) {
    const first = 20000 + 16 * Math.floor(Math.random() * 750);
    if (!await claim(first + 15)) continue;
    const row = Array.from({ length: count }, (_, i) => first + i);
    const taken = await Promise.all(row.map((port) => listening(port)));
    if (!taken.includes(true)) return row;
  }
}

/** Who holds the last port of a row has the row, until its process ends: tests run side by side. */
const claim = (port) => new Promise((resolve) => {
  const holder = net.createServer();
  holder.on('error', () => resolve(false));
  holder.listen(port, '127.0.0.1', () => resolve(true));
  holder.unref();
});

/** A fresh directory that the database's user can enter too. */
export async function scratch(name = 'restante-test-') {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), name));
  await fs.chmod(dir, 0o755);
  return dir;
}

/**
 * Starts one and waits for `ready`. Options: bin (the programs), state (kept by
 * the caller; else a scratch one, removed by stop()), env (more variables), clone
 * (another tree than this one), timeout in ms, bind (addresses). Settings of the caller's own
 * environment that would point it elsewhere (STATE, ports) have no effect.
 */
export async function startInstallation(options = {}) {
  const inst = new Installation(options);
  await inst.start();
  return inst;
}

export class Installation {
  constructor({ bin = usualBin, state, env = {}, clone = top, timeout = 90000, bind = '127.0.0.1' } = {}) {
    Object.assign(this, { bin, state, env, clone, timeout, bind, host: '127.0.0.1' });
  }

  async start() {
    if (!this.state) {
      this.scratch = await scratch();
      this.state = path.join(this.scratch, 'var');
    }
    if (!this.ports) {
      const row = await freePorts(portNames.length);
      this.ports = Object.fromEntries(portNames.map((name, i) => [name, this.env[name] ?? row[i]]));
    }
    this.output = '';
    const child = spawn(path.join(this.clone, 'conf/dev/run'), [], {
      cwd: this.clone,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...sanitizers, DEMO_PASSWORD: demoPassword, ...this.env,
        BIND: this.bind, B: this.bin, STATE: this.state, ...this.ports },
    });
    this.runner = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => { this.output += text; });
    }
    this.ended = new Promise((resolve) => {
      child.on('error', (error) => { this.output += error.message; resolve(-1); });
      child.on('close', (status) => resolve(status ?? -1));
    });
    this.atExit = () => child.kill('SIGTERM');
    process.once('exit', this.atExit);
    process.once('SIGTERM', this.onTerm ??= () => process.exit(143));
    let status;
    this.ended.then((s) => { status = s; });
    await until(() => status !== undefined || /^ready$/m.test(this.output),
      { timeout: this.timeout, what: 'ready' }).catch(async (error) => {
      await this.stop();
      throw new Error(`${error.message}\n${this.output}`);
    });
    if (status !== undefined) {
      process.removeListener('exit', this.atExit);
      throw new Error(`the runner ended with status ${status}:\n${this.output}`);
    }
    this.ca = readFileSync(path.join(this.state, 'tls/ca.pem'));
    this.environment = await this.readEnvironment();
    this.catcher = new Catcher(this.ports.CATCH_HTTP_PORT);
    return this;
  }

  /**
   * Ends it as Ctrl-C does; removes a state that start() made unless `keep`. Gives
   * the exit status. Throws when a sanitizer has found something in the meantime.
   */
  async stop({ signal = 'SIGINT', keep = false } = {}) {
    this.runner.kill(signal);
    const status = await this.ended;
    process.removeListener('exit', this.atExit);
    process.removeListener('SIGTERM', this.onTerm);
    const findings = await this.findings();
    if (!keep) await this.remove();
    if (findings) throw new Error(`a sanitizer complained\n${findings}`);
    return status;
  }

  /** What ASan and UBSan wrote into the logs. */
  async findings() {
    const said = [];
    for (const service of services) {
      const text = await this.log(service).catch(() => '');
      const at = text.search(/^.*(ERROR: \w+Sanitizer|runtime error:)/m);
      if (at >= 0) said.push(`${service}: ${text.slice(at, at + 4000)}`);
    }
    return said.join('\n');
  }

  /** Removes what a scratch state left, the cluster outside of it included. */
  async remove() {
    if (!this.scratch) return;
    const cluster = await fs.realpath(path.join(this.state, 'pg')).catch(() => '');
    if (cluster.startsWith('/var/lib/restante/')) {
      await fs.rm(path.dirname(cluster), { recursive: true, force: true });
    }
    await fs.rm(this.scratch, { recursive: true, force: true });
  }

  /** What `. $STATE/env` sets. */
  async readEnvironment() {
    const file = path.join(this.state, 'env');
    const text = await must('sh', ['-c', '. "$1"; env -0', 'sh', file], { env: { B: this.bin } });
    return Object.fromEntries(text.split('\0').filter(Boolean)
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
      .filter(([name]) => /^(PG|RESTANTE_|PATH$)/.test(name)));
  }

  async pid(service) {
    return Number(await fs.readFile(path.join(this.state, 'run', `${service}.pid`), 'utf8'));
  }

  /** Sends a service a signal; gives the process id it had. */
  async kill(service, signal = 'SIGKILL') {
    const pid = await this.pid(service);
    process.kill(pid, signal);
    return pid;
  }

  /** Waits until a service runs as another process than `before` (see kill()). */
  async back(service, before, options) {
    return until(async () => {
      const pid = await this.pid(service);
      return pid !== before && (await alive(pid)) && pid;
    }, { what: `${service} is back`, ...options });
  }

  async log(service) {
    return fs.readFile(path.join(this.state, 'log', `${service}.log`), 'utf8');
  }

  /** SQL as the superuser or as `role` ("restante_intake"): { status, stdout, stderr }, unaligned rows. */
  psql(sql, { role = 'postgres' } = {}) {
    return run('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-U', role, '-f', '-'],
      { env: this.environment, input: sql });
  }

  /** The rows of a query, each a list of texts; an error throws. */
  async rows(sql, options) {
    const { status, stdout, stderr } = await this.psql(sql, options);
    if (status !== 0) throw new Error(stderr);
    return stdout.split('\n').filter(Boolean).map((line) => line.split('|'));
  }

  /** restantectl: { status, stdout, stderr }. */
  ctl(...args) {
    return run(path.join(this.bin, 'restantectl'), args, {
      env: { ...this.environment, DEMO_PASSWORD: this.env.DEMO_PASSWORD ?? demoPassword },
    });
  }

  /** What `restantectl ... --json` prints, parsed (one value, or a list of lines' values). */
  async ctlJson(...args) {
    const { status, stdout, stderr } = await this.ctl(...args, '--json');
    if (status !== 0) throw new Error(`restantectl ${args.join(' ')}: ${stderr}`);
    try {
      return JSON.parse(stdout);
    } catch {
      return stdout.trim().split('\n').map((line) => JSON.parse(line));
    }
  }

  /** The address of a page, as a browser types it. */
  url(host, where = '/') {
    return `https://${host}:${this.ports.HTTPS_PORT}${where}`;
  }
}
