// fronts.mjs: private nginx and HAProxy on loopback, with their own configuration, state
// and logs, to stand in front of the portal or beside it.
import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { scratch, listening } from './installation.mjs';
import { isRoot, until } from './process.mjs';

const search = { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } };

async function start(program, args, dir, port) {
  const child = spawn(program, args, { ...search, cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
  const front = { dir, port, host: '127.0.0.1', plain: true, child, pid: child.pid, output: '' };
  let ended;
  const over = new Promise((resolve) => {
    child.on('error', (error) => { ended = error.message; resolve(); });
    child.on('close', (status) => { ended ??= `status ${status}`; resolve(); });
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => { front.output += text; });
  }
  const atExit = () => child.kill('SIGTERM');
  process.once('exit', atExit);
  front.stop = async ({ keep = false } = {}) => {
    child.kill('SIGTERM');
    await over;
    process.removeListener('exit', atExit);
    if (!keep) await fs.rm(dir, { recursive: true, force: true });
  };
  await until(() => ended || listening(port), { what: `${program} listens` });
  if (ended) throw new Error(`${program}: ${ended}\n${front.output}`);
  return front;
}

/** nginx on `port`: `http` stands inside http { }, `main` before it. Its files lie in front.dir. */
export async function startNginx({ port, http, main = 'worker_processes 1;', events = '', files = {}, dir }) {
  dir ??= await scratch('restante-nginx-');
  for (const [name, content] of Object.entries(files)) await fs.writeFile(path.join(dir, name), content);
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${dir}/${name};`).join('\n');
  await fs.writeFile(path.join(dir, 'nginx.conf'), `daemon off;
pid ${dir}/pid;
error_log ${dir}/error.log;
${isRoot ? 'user root;' : ''}
${main}
events { worker_connections 4096; ${events} }
http {
${temp}
${http.replaceAll('@DIR@', dir)}
}
`);
  const front = await start('nginx', ['-p', dir, '-c', path.join(dir, 'nginx.conf'), '-e', path.join(dir, 'error.log')], dir, port);
  /** Lines of the access log "log" in its directory. */
  front.lines = async () => (await fs.readFile(path.join(dir, 'log'), 'latin1').catch(() => '')).split('\n').filter(Boolean);
  return front;
}

/** HAProxy on `port`; `config` whole. What it logs to stdout is front.lines(). */
export async function startHaproxy({ port, config }) {
  const dir = await scratch('restante-haproxy-');
  await fs.writeFile(path.join(dir, 'haproxy.cfg'), config);
  const front = await start('haproxy', ['-db', '-f', path.join(dir, 'haproxy.cfg')], dir, port);
  front.lines = async () => front.output.split('\n').filter(Boolean);
  return front;
}
