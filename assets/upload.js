// upload.js: files go up while the letter is being written: dropped or chosen, each in
// slices by tus 1.0.0, and on by themselves after whatever broke them off. Sent with the
// letter are their ids alone. Without this script the form carries its files itself.
'use strict';
(() => {
  const MIB = 1024 * 1024;
  const SLICE = 4 * MIB; // the first; the next ones by how long it took
  const SLICE_LEAST = MIB / 4;
  const AT_ONCE = 2; // files
  const PAUSE_MOST = 30000; // between tries
  const STALL = 45000; // without a byte: the connection is taken for lost
  const LEAVING = 10000; // the letter on its way: a second Send is not meant
  const HEAD = 64 * 1024; // bytes that tell files of one name apart
  const REMEMBER = 'restante.upload.';

  const field = document.getElementById('upload');
  const form = document.getElementById('letter');
  if (!field || !form || !window.crypto?.subtle || !('files' in document.createElement('input'))) return;
  const words = field.dataset;
  const most = Number(words.most);
  const countMost = Number(words.count);
  const sliceMost = Number(words.slice);
  const input = document.getElementById('files');
  const list = document.getElementById('uploads');
  const rowOf = document.getElementById('upload-row').content.firstElementChild;
  const notice = Object.fromEntries(['out', 'other', 'failed', 'wait']
    .map((name) => [name, document.getElementById(`upload-${name}`)]));
  const uploads = new Set();

  // ---- words -------------------------------------------------------------------------

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

  function size(bytes) {
    let value = bytes / 1000;
    let unit = 0;
    for (; value >= 999.5 && unit < 2; unit += 1) value /= 1000;
    const shown = value < 9.95 && unit > 0 ? value.toFixed(1) : Math.max(1, Math.round(value));
    return `${shown} ${['kB', 'MB', 'GB'][unit]}`;
  }

  function left(seconds) {
    if (seconds < 8) return words.moment;
    if (seconds < 55) return fill(words.seconds, { n: Math.ceil(seconds / 10) * 10 });
    if (seconds < 90) return words.minute;
    if (seconds < 5400) return fill(words.minutes, { n: Math.round(seconds / 60) });
    return fill(words.hours, { n: Math.round(seconds / 3600) });
  }

  /** To those who listen in place of looking. */
  function say(text) {
    document.getElementById('upload-said').textContent = text;
  }

  const show = (name, on) => { notice[name].hidden = !on; };

  // ---- what this browser remembers: which upload a file is, nothing of its content -------

  const memory = {
    get(key) {
      try {
        const entry = JSON.parse(localStorage.getItem(REMEMBER + key));
        return entry && Date.parse(entry.until) > Date.now() ? entry : undefined;
      } catch { return undefined; }
    },
    set(key, entry) {
      try { localStorage.setItem(REMEMBER + key, JSON.stringify(entry)); } catch { /* then not */ }
    },
    drop(key) {
      try { localStorage.removeItem(REMEMBER + key); } catch { /* nor was it kept */ }
    },
    keys() {
      try {
        return Object.keys(localStorage).filter((name) => name.startsWith(REMEMBER))
          .map((name) => name.slice(REMEMBER.length));
      } catch { return []; }
    },
  };

  /** Tells this file from others; nobody's name is in it. Throws where it cannot be read. */
  async function fingerprint(file) {
    const head = await file.slice(0, HEAD).arrayBuffer();
    const about = new TextEncoder().encode(`${file.name}\0${file.size}\0${file.lastModified}\0`);
    const bytes = new Uint8Array(about.length + head.byteLength);
    bytes.set(about);
    bytes.set(new Uint8Array(head), about.length);
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  // ---- asking --------------------------------------------------------------------------

  /** Why an upload does not go on: kind is a word's name; final: not by itself. */
  class Trouble extends Error {
    constructor(kind, { final = false, after = 0 } = {}) {
      super(kind);
      Object.assign(this, { kind, final, after });
    }
  }

  /** One request; fails with Trouble "gone" when there is no answer. */
  function ask(method, path, { headers = {}, body, upload, progress } = {}) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      let watch;
      const alive = () => {
        clearTimeout(watch);
        watch = setTimeout(() => request.abort(), STALL);
      };
      request.open(method, path);
      request.setRequestHeader('Tus-Resumable', '1.0.0');
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      if (progress) {
        request.upload.onprogress = (event) => {
          alive();
          progress(event.loaded);
        };
      }
      request.onloadend = () => {
        clearTimeout(watch);
        if (upload) upload.request = undefined;
        if (request.status) resolve(request);
        else reject(new Trouble('gone'));
      };
      if (upload) upload.request = request;
      alive();
      request.send(body);
    });
  }

  /** What an answer other than the good one means. */
  function judge(answer, creating = false) {
    const { status } = answer;
    const after = Number(answer.getResponseHeader('Retry-After')) * 1000 || 0;
    if (status === 401) return new Trouble('out', { after: 5000 });
    if (status === 404 || status === 410) return new Trouble('lost');
    if (status === 409 && creating) return new Trouble('unsent', { final: true });
    if (status === 413 && creating) return new Trouble('big', { final: true });
    if (status === 409 || status === 423) return new Trouble('starting');
    if (status === 408 || status === 425 || status === 429 || status >= 500) return new Trouble('busy', { after });
    return new Trouble('refused', { final: true });
  }

  // Who waits: cut short when the connection comes back, or the reader does.
  const waiting = new Set();
  function pause(ms) {
    return new Promise((done) => {
      const wake = () => {
        clearTimeout(timer);
        waiting.delete(wake);
        done();
      };
      const timer = setTimeout(wake, ms);
      waiting.add(wake);
    });
  }
  const wakeAll = () => { for (const wake of [...waiting]) wake(); };
  window.addEventListener('online', wakeAll);
  window.addEventListener('focus', wakeAll);

  /** Longer from try to try, and not in step with others. */
  const pauseFor = (tries, after) => Math.max(after,
    Math.min(PAUSE_MOST, 1000 * 2 ** tries) * (0.75 + Math.random() / 2));

  // ---- one file ------------------------------------------------------------------------

  const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

  class Upload {
    constructor(file) {
      Object.assign(this, { file, state: 'waiting', offset: 0, slice: SLICE, samples: [], told: 0 });
      this.row = document.importNode(rowOf, true);
      const [name, bytes, button, bar, text, again] = this.row.children;
      Object.assign(this, { button, bar, text, again });
      name.textContent = file.name;
      bytes.textContent = size(file.size);
      bar.setAttribute('aria-label', file.name);
      button.addEventListener('click', () => this.remove());
      again.addEventListener('click', async () => {
        const clear = this.why === 'unsent';
        this.become('waiting');
        if (clear) await clearUnsent();
        next();
      });
      list.append(this.row);
      this.become('waiting');
    }

    get busy() { return !['ready', 'failed'].includes(this.state); }

    /** state: waiting, at work (starting, running, gone, busy, out), ready or failed. */
    become(state, kind = state) {
      this.state = state;
      this.row.dataset.state = state;
      this.again.hidden = state !== 'failed' || ['big', 'many'].includes(kind);
      this.bar.hidden = ['ready', 'failed'].includes(state);
      const what = this.busy ? words.cancel : words.remove;
      this.button.textContent = what;
      this.button.setAttribute('aria-label', fill(words.named, { what, file: this.file.name }));
      if (state !== 'running') this.text.textContent = words[kind];
      if (['ready', 'failed', 'gone'].includes(state)) {
        say(fill(words.named, { what: this.file.name, file: words[kind] }));
      }
      settle();
    }

    fail(kind) {
      this.why = kind;
      this.again.textContent = kind === 'unsent' ? words.clear : words.again;
      this.become('failed', kind);
      this.row.classList.add('bad');
    }

    /** From the first byte, or where it stood, to the last, however long that takes. */
    async run() {
      this.row.classList.remove('bad');
      this.become('starting');
      let fresh = 0;
      for (let tries = 0; !this.removed;) {
        try {
          const before = this.offset;
          await this.step();
          if (this.state === 'ready') return;
          if (this.offset > before) tries = 0;
        } catch (trouble) {
          if (this.removed) return;
          this.known = false;
          if (!(trouble instanceof Trouble)) {
            this.fail('unreadable');
            return;
          }
          if (trouble.kind === 'lost') {
            this.forget();
            fresh += 1;
          }
          if (trouble.final || fresh > 5) {
            this.fail(trouble.final ? trouble.kind : 'refused');
            return;
          }
          if (trouble.kind !== 'lost') this.become(trouble.kind);
          show('out', trouble.kind === 'out');
          await pause(trouble.kind === 'lost' ? 0 : pauseFor(tries, trouble.after));
          tries += 1;
        }
      }
    }

    /** The next thing to do. */
    async step() {
      this.key ??= await fingerprint(this.file);
      this.id ??= memory.get(this.key)?.id;
      if ([...uploads].some((other) => other !== this && other.key === this.key)
        || list.querySelector(`[data-id="${this.id}"]`)) {
        this.remove(true); // the same file once more
        return;
      }
      if (!this.id) await this.create();
      else if (!this.known) await this.find();
      else if (this.offset < this.file.size) await this.send();
      show('out', false);
      if (this.known && this.offset === this.file.size) this.finish();
    }

    keep(answer) {
      memory.set(this.key, { id: this.id, until: answer.getResponseHeader('Upload-Expires') });
    }

    forget() {
      memory.drop(this.key);
      this.id = undefined;
      this.known = false;
      this.offset = 0;
    }

    async create() {
      const answer = await ask('POST', '/upload', { upload: this, headers: {
        'Upload-Length': String(this.file.size),
        'Upload-Metadata': `filename ${base64(this.file.name)},filetype ${base64(this.file.type)}`,
      } });
      if (answer.status !== 201) throw judge(answer, true);
      this.id = answer.getResponseHeader('Location').split('/').pop();
      this.offset = 0;
      this.known = true;
      this.keep(answer);
    }

    /** Where does it stand? */
    async find() {
      const answer = await ask('HEAD', `/upload/${this.id}`, { upload: this });
      if (answer.status !== 200) throw judge(answer);
      if (Number(answer.getResponseHeader('Upload-Length')) !== this.file.size) throw new Trouble('lost');
      this.offset = Number(answer.getResponseHeader('Upload-Offset'));
      this.samples = [];
      this.known = true;
      this.keep(answer);
    }

    async send() {
      const from = this.offset;
      const body = this.file.slice(from, from + this.slice);
      const began = performance.now();
      this.progress(from);
      let answer;
      try {
        answer = await ask('PATCH', `/upload/${this.id}`, { body, upload: this,
          progress: (bytes) => this.progress(from + bytes),
          headers: { 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': String(from) } });
      } catch (trouble) {
        this.slice = Math.max(SLICE_LEAST, this.slice / 2);
        // A file that changed cannot be sent either, and looks the same from here.
        if (!this.removed) await body.slice(0, 1).arrayBuffer();
        throw trouble;
      }
      if (answer.status !== 204) throw judge(answer);
      this.offset = Number(answer.getResponseHeader('Upload-Offset'));
      const took = performance.now() - began;
      if (took < 2000) this.slice = Math.min(sliceMost, this.slice * 2);
      if (took > 20000) this.slice = Math.max(SLICE_LEAST, this.slice / 2);
    }

    /** Shows how far it is, by the speed of the last ten seconds. */
    progress(bytes) {
      const now = performance.now();
      const part = this.file.size ? bytes / this.file.size : 1;
      this.samples = this.samples.filter(([at]) => now - at < 10000);
      this.samples.push([now, bytes]);
      if (this.state === 'running' && now - this.shown < 300) return;
      if (this.state !== 'running') this.become('running');
      this.shown = now;
      this.bar.value = part;
      const [[at, start]] = this.samples;
      const speed = now - at > 500 ? (bytes - start) * 1000 / (now - at) : 0;
      const percent = Math.floor(part * 100);
      this.text.textContent = speed > 0
        ? fill(words.running, { percent, speed: size(speed), left: left((this.file.size - bytes) / speed) })
        : `${percent} %`;
      if (percent >= this.told + 25) {
        this.told = percent - percent % 25;
        say(fill(words.named, { what: this.file.name, file: `${this.told} %` }));
      }
    }

    finish() {
      const hidden = document.createElement('input');
      Object.assign(hidden, { type: 'hidden', name: 'upload', value: this.id });
      this.row.append(hidden);
      this.become('ready');
    }

    /** Away with it, here and there; quietly, when it is here twice. */
    remove(twice = false) {
      const back = this.row.contains(document.activeElement);
      this.removed = true;
      uploads.delete(this);
      this.row.remove();
      this.request?.abort();
      if (!twice) {
        if (this.id) ask('DELETE', `/upload/${this.id}`).catch(() => {});
        if (this.key) memory.drop(this.key);
        say(fill(words.removed, { file: this.file.name }));
      }
      if (back) input.focus();
      wakeAll();
      settle();
      next();
    }
  }

  /** Takes away what this browser uploaded before and no letter took. */
  async function clearUnsent() {
    const here = new Set([...uploads].map(({ key }) => key));
    await Promise.all(memory.keys().filter((key) => !here.has(key)).map(async (key) => {
      const entry = memory.get(key);
      memory.drop(key);
      if (entry && !list.querySelector(`[data-id="${entry.id}"]`)) await ask('DELETE', `/upload/${entry.id}`);
    })).catch(() => {});
  }

  /** Starts what waits, a few at a time. */
  function next() {
    const busy = [...uploads].filter((one) => one.busy);
    const running = busy.filter((one) => one.state !== 'waiting').length;
    for (const one of busy.filter(({ state }) => state === 'waiting').slice(0, Math.max(0, AT_ONCE - running))) {
      one.run().finally(next);
    }
  }

  function add(files) {
    for (const file of files) {
      const rows = list.children.length - list.querySelectorAll('.bad').length;
      const upload = new Upload(file);
      uploads.add(upload);
      if (rows >= countMost) upload.fail('many');
      else if (file.size > most) upload.fail('big');
    }
    next();
  }

  // ---- choosing, dropping ----------------------------------------------------------------

  input.removeAttribute('name');
  document.getElementById('files-hint').textContent = words.hint;
  field.classList.add('drop');
  input.addEventListener('change', () => {
    add([...input.files]);
    input.value = '';
  });
  const hasFiles = (event) => event.dataTransfer?.types.includes('Files');
  for (const type of ['dragenter', 'dragover']) {
    document.addEventListener(type, (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      field.classList.add('over');
    });
  }
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) field.classList.remove('over');
  });
  document.addEventListener('drop', (event) => {
    field.classList.remove('over');
    if (!hasFiles(event)) return;
    event.preventDefault();
    add([...event.dataTransfer.files]);
  });

  /** A file that this page came with: its box to tick becomes a button. */
  function adopt(row) {
    const name = row.querySelector('b').textContent;
    const button = rowOf.querySelector('button').cloneNode();
    button.textContent = words.remove;
    button.setAttribute('aria-label', fill(words.named, { what: words.remove, file: name }));
    button.addEventListener('click', () => {
      ask('DELETE', `/upload/${row.dataset.id}`).catch(() => {});
      row.remove();
      say(fill(words.removed, { file: name }));
      input.focus();
    });
    row.querySelector('label').replaceWith(button);
  }
  for (const row of list.children) adopt(row);

  // ---- sending the letter -----------------------------------------------------------------

  let wanted = false; // Send was pressed
  let cleared = false; // and nothing is in its way
  let leaving = false;

  /**
   * Is the session still there, and the same person's? Its token goes into the form: a
   * letter that took an hour is not refused for that.
   */
  async function renew() {
    const answer = await fetch('/compose', { redirect: 'manual', cache: 'no-store' })
      .catch(() => { throw new Trouble('gone'); });
    if (answer.type === 'opaqueredirect') throw new Trouble('out', { after: 5000 });
    if (!answer.ok) throw new Trouble('busy', { after: Number(answer.headers.get('Retry-After')) * 1000 || 0 });
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const now = page.getElementById('letter');
    if (now?.dataset.who !== form.dataset.who) throw new Trouble('other', { after: 5000 });
    for (const one of document.querySelectorAll('input[name=csrf]')) {
      one.value = now.querySelector('input[name=csrf]').value;
    }
  }

  async function submit() {
    for (let tries = 0; wanted; tries += 1) {
      try {
        await renew();
        break;
      } catch (trouble) {
        if (!(trouble instanceof Trouble)) break; // the server's answer will say more
        show('wait', true);
        show('out', trouble.kind === 'out');
        show('other', trouble.kind === 'other');
        await pause(pauseFor(tries, trouble.after));
      }
    }
    show('out', false);
    show('other', false);
    if (!wanted) return;
    if (!form.reportValidity()) {
      stop();
      return;
    }
    for (const { key } of uploads) {
      const entry = memory.get(key);
      if (entry) memory.set(key, { ...entry, sent: true });
    }
    cleared = true;
    leaving = true;
    form.requestSubmit();
    stop();
    setTimeout(() => { leaving = false; }, LEAVING); // it was stopped, perhaps
  }

  function stop() {
    wanted = false;
    cleared = false;
    show('wait', false);
  }

  /** After every change: may what was waited for happen now? */
  function settle() {
    const all = [...uploads];
    const failed = all.some((one) => one.state === 'failed');
    if (!failed) show('failed', false);
    if (!wanted || all.some((one) => one.busy)) return;
    if (failed) {
      stop();
      show('failed', true);
    } else {
      submit();
    }
  }

  form.addEventListener('submit', (event) => {
    if (cleared) return;
    event.preventDefault();
    if (wanted || leaving) return;
    wanted = true;
    show('wait', [...uploads].some((one) => one.busy));
    settle();
  });
  notice.wait.querySelector('button').addEventListener('click', stop);
  window.addEventListener('beforeunload', (event) => {
    if (!leaving && [...uploads].some((one) => one.busy)) event.preventDefault();
  });
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) leaving = false;
  });

  // What went with a letter is gone from here when it is gone from there.
  for (const key of memory.keys()) {
    const entry = memory.get(key);
    if (!entry) {
      memory.drop(key);
    } else if (entry.sent) {
      ask('HEAD', `/upload/${entry.id}`).then(({ status }) => {
        if (status === 404 || status === 410) memory.drop(key);
        else if (status === 200) memory.set(key, { ...entry, sent: undefined });
      }).catch(() => {});
    }
  }
})();
