// Drives the web pages of a running gateway with a real browser and checks what its readers rely
// on: headings, landmarks, labels, keyboard order, no sideways scrolling at 320 px, no errors in
// the console, contrast, and that everything but live updates works without JavaScript.
//
//   SAMVIRKE_URL=http://127.0.0.1:8080/ SAMVIRKE_USER=admin SAMVIRKE_PASSWORD=... node ui.mjs
//   node ui.mjs URL USER PASSWORD [FOLDER]
//
// SAMVIRKE_DEMO_DATA is the demo's folder (its --data): further messages are sent with the tokens in it, so that
// there is a conflict to decide. SAMVIRKE_SCREENSHOTS (or FOLDER) is where pictures of each page go; CHROMIUM is the browser.
// The last line reads "N passed, N failed"; the exit code is 1 when anything failed.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { tell } from './plan.mjs';

const arg = process.argv.slice(2);
const base = (arg[0] || process.env.SAMVIRKE_URL || '').replace(/\/$/, '');
const user = arg[1] || process.env.SAMVIRKE_USER;
const password = arg[2] || process.env.SAMVIRKE_PASSWORD;
const folder = arg[3] || process.env.SAMVIRKE_SCREENSHOTS || '';
const data = process.env.SAMVIRKE_DEMO_DATA || '';
const widths = [320, 1440, 1920];
// patience is how long anything may take before it counts as a failure: the machine may be busy with something else. Unit: ms.
const patience = 180000;
if (!base || !user || !password || !data) {
  console.error('usage: SAMVIRKE_DEMO_DATA=FOLDER node ui.mjs URL USER PASSWORD [FOLDER]');
  process.exit(64);
}
if (folder) mkdirSync(folder, { recursive: true });

let passed = 0;
let failed = 0;
const check = (name, ok, detail = '') => {
  if (ok) { passed++; return; }
  failed++;
  console.log(`FAILED ${name}${detail ? ': ' + detail : ''}`);
};

const browser = await chromium.launch({
  timeout: patience,
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--disable-dev-shm-usage'],
});

// errors gathers what the browser complains about; every page must leave it empty.
const errors = [];
const watch = (page) => {
  page.on('console', (m) => { if (m.type() === 'error') errors.push(`${new URL(page.url()).pathname.split('/')[1]}: ${m.text()}`); });
  page.on('pageerror', (e) => errors.push(`${new URL(page.url()).pathname.split('/')[1]}: ${e.message}`));
};

const newContext = async (options) => {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(patience);
  context.setDefaultNavigationTimeout(patience);
  return context;
};

// comes waits until something is there to be seen, and tells whether it came.
const comes = (locator, timeout = patience) => locator.first().waitFor({ timeout }).then(() => true, () => false);

// arrives waits for the page that a click leads to: something on it that was not on the one before, and all of it.
const arrives = async (page, locator) => {
  await comes(locator);
  await page.waitForLoadState('load');
};

const signIn = async (context, who = user, word = password) => {
  const page = await context.newPage();
  watch(page);
  await page.goto(base + '/');
  check('the first page leads to sign-in', new URL(page.url()).pathname === '/sign-in', page.url());
  await page.getByLabel('User name').fill(who);
  await page.getByLabel('Password').fill(word);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL('**/overview');
  return page;
};

// soundness looks at one page as somebody who cannot see it, or has a small screen.
const soundness = (page) => page.evaluate(() => {
  const faults = [];
  const seen = new Set();
  for (const e of document.querySelectorAll('[id]')) {
    if (seen.has(e.id)) faults.push(`id ${e.id} twice`);
    seen.add(e.id);
  }
  const one = (selector) => { const n = document.querySelectorAll(selector).length; if (n !== 1) faults.push(`${n} ${selector}`); };
  ['h1', 'main', 'header', 'footer', 'a.skip[href="#main"]'].forEach(one);
  if (document.documentElement.lang !== 'en') faults.push('no language');
  let level = 1;
  for (const h of document.querySelectorAll('h1,h2,h3,h4,h5,h6')) {
    const n = Number(h.tagName[1]);
    if (n > level + 1) faults.push(`heading "${h.textContent.trim().slice(0, 30)}" skips a level`);
    level = n;
  }
  for (const f of document.querySelectorAll('input:not([type=hidden]),select,textarea')) {
    if (!f.labels || f.labels.length === 0) faults.push(`field ${f.name} has no label`);
  }
  for (const t of document.querySelectorAll('table')) if (!t.caption) faults.push('table without caption');
  for (const e of document.querySelectorAll('a,button,summary')) if (!e.textContent.trim()) faults.push(`${e.tagName} without text`);
  for (const s of document.querySelectorAll('svg')) if (s.getAttribute('aria-hidden') !== 'true' && !s.getAttribute('aria-label')) faults.push('picture without words');
  for (const n of document.querySelectorAll('nav')) if (!n.getAttribute('aria-label')) faults.push('navigation without name');
  return faults;
});

// sideways tells what makes a page scroll sideways; boxes that scroll on their own are fine.
const sideways = (page) => page.evaluate(() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return '';
  const wide = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > width + 1 && !e.closest('.scroll, .code'));
  return wide.slice(0, 3).map((e) => `${e.tagName.toLowerCase()}.${e.getAttribute('class') || ''}`).join(', ') || 'something';
});

// faint lists texts whose contrast with what is behind them is under 4.5 (3 for large ones).
const faint = (page) => page.evaluate(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] === 255) return c; } return [255, 255, 255, 255]; };
  const found = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n = walk.nextNode(); n; n = walk.nextNode()) {
    const e = n.parentElement;
    if (!n.data.trim() || !e.checkVisibility() || e.closest('.vh, .skip, script, option')) continue;
    const style = getComputedStyle(e);
    const ink = rgba(e instanceof SVGElement ? style.fill : style.color);
    const a = light(ink.slice(0, 3)), b = light(behind(e).slice(0, 3));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) found.add(`${ratio.toFixed(1)} "${n.data.trim().slice(0, 25)}"`);
  }
  return [...found].slice(0, 4).join(', ');
});

// picture keeps what the page looks like. On a busy machine the browser sometimes gives none; a second try is
// allowed, a third failure counts. Each has more time than the one before.
const picture = async (page, name, options = {}) => {
  if (!folder) return;
  let cause;
  for (const timeout of [30000, 60000, patience]) {
    try {
      await page.screenshot({ path: join(folder, `${name}.png`), timeout, ...options });
      return;
    } catch (e) {
      cause = e;
    }
  }
  check(`${name}: a picture is taken`, false, cause.message.split('\n')[0]);
};

// open goes to a page in each width and looks at it.
const look = async (page, name, path, expect) => {
  for (const width of widths) {
    await page.setViewportSize({ width, height: width < 600 ? 720 : 1000 });
    const answer = await page.goto(base + path);
    check(`${name}: answers`, answer.status() === 200, `status ${answer.status()}`);
    const wide = await sideways(page);
    check(`${name}: no sideways scrolling at ${width} px`, wide === '', wide);
    await picture(page, `${name}-${width}`, { fullPage: true });
  }
  const faults = await soundness(page);
  check(`${name}: sound for readers`, faults.length === 0, faults.slice(0, 5).join('; '));
  const text = await page.locator('main').innerText();
  for (const words of expect) check(`${name}: shows "${words}"`, text.includes(words), text.slice(0, 120).replaceAll('\n', ' '));
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme });
    const pale = await faint(page);
    check(`${name}: contrast in ${scheme}`, pale === '', pale);
  }
  await picture(page, `${name}-dark`);
  await page.emulateMedia({ colorScheme: 'light' });
};

// keyboard walks with the Tab key: the skip link comes first, focus is always seen, none is a trap.
const keyboard = async (page) => {
  await page.setViewportSize({ width: 1440, height: 1000 });
  await page.goto(base + '/messages');
  await page.keyboard.press('Tab');
  check('keyboard: the skip link comes first', await page.evaluate(() => document.activeElement.matches('a.skip')));
  await page.keyboard.press('Enter');
  check('keyboard: the skip link leads to the content', await page.evaluate(() => document.activeElement.id === 'main'));
  await page.goto(base + '/messages');
  const order = [];
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const e = document.activeElement;
      if (e === document.body) return null;
      const style = getComputedStyle(e);
      return { what: (e.labels?.[0]?.textContent || e.textContent || e.name || '').trim(), seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0, tag: e.tagName };
    });
    if (!at) break;
    order.push(at);
  }
  check('keyboard: focus is always seen', order.every((o) => o.seen), order.find((o) => !o.seen)?.what);
  const place = (words) => order.findIndex((o) => o.what.startsWith(words));
  const want = ['Skip to content', 'Samvirke', 'Overview', 'Messages', 'Plans', 'Attention', 'Parties', 'Audit', 'Sign out', 'Patient identifier', 'From party', 'Kind', 'Status', 'Filter'];
  const places = want.map(place);
  check('keyboard: order is that of reading', places.every((p, i) => p >= 0 && (i === 0 || p > places[i - 1])), JSON.stringify(places));
  check('keyboard: the first message is reached', order.some((o) => o.tag === 'A' && /^[A-Z_]{6,}/.test(o.what)));
};

// reading looks at messages as people read them, on a screen, a telephone and paper.
const reading = async (page, linkTo, trace) => {
  await page.goto(base + trace);
  check('reading: the trace leads to the message', await page.getByRole('link', { name: 'Les meldingen', exact: true }).getAttribute('href') === trace + '/read');
  await look(page, 'reading', trace + '/read', ['Pasient', 'Mål og forventet resultat', 'Sykepleiedokumentasjon', 'Om meldingen']);
  check('reading: the text is marked as Norwegian', await page.locator('article').getAttribute('lang') === 'nb');
  await page.emulateMedia({ media: 'print' });
  check('reading: printing leaves navigation out', !(await page.locator('header nav').isVisible()) && !(await page.locator('.r-contents').isVisible()));
  if (folder) await page.pdf({ path: join(folder, 'reading.pdf'), preferCSSPageSize: true });
  await page.emulateMedia({ media: 'screen' });
  const report = await linkTo('/messages', 'INNLEGGELSESRAPPORT');
  await look(page, 'reading-report', report + '/read', ['Kartlegging av funksjonsnivå', 'bistandsbehov', 'Tjenester pasienten har']);
  check('reading: scores have bars and words', await page.locator('.r-bar').count() >= 10);
  const ready = await linkTo('/messages', 'LOG_UTSKRIVNINGSKLAR');
  await look(page, 'reading-event', ready + '/read', ['Hendelser', 'Fra', 'Til', 'Sendt']);
  const native = await linkTo('/messages', 'assessment');
  await look(page, 'reading-fhir', native + '/read', ['Om meldingen']);
};

// tables looks at the mapping as the program has it.
const tables = async (page) => {
  await look(page, 'mapping', '/mapping', ['INNLEGGELSESRAPPORT', 'EPIKRISE', 'Elements with a value']);
  check('mapping: the foot leads to the tables', await page.locator('footer a[href="/mapping"]').isVisible());
  await look(page, 'mapping-kind', '/mapping/INNLEGGELSESRAPPORT', ['elements with a value', 'ParorendeForesatt', 'Find an element']);
  await page.getByLabel('Find an element').fill('KartlagtFunksjon Funksjonsvariabel');
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  await page.waitForURL(/[?&]q=/);
  const found = await page.locator('.maprows tbody tr').allInnerTexts();
  check('mapping: an element is found', found.length >= 1 && found.every((t) => t.includes('Funksjonsvariabel')), found.join(' | ').slice(0, 120));
  await look(page, 'mapping-found', '/mapping/INNLEGGELSESRAPPORT?q=diagnose', ['Condition']);
};

// explained goes from a value on the plan page down to the line of its message.
const explained = async (page, plan) => {
  await page.setViewportSize({ width: 1440, height: 1000 });
  await page.goto(base + plan);
  const goal = page.locator('.loop', { hasText: 'rollator' }).locator('details.cite').first();
  await goal.locator('summary').click();
  await goal.getByRole('link', { name: /Show the place/ }).click();
  await page.waitForURL('**/original?mark=*');
  const main = await page.locator('main').innerText();
  check('explain: the place is named', main.includes('Where this value stands') && main.includes('mapping row') && main.includes('Goal'), main.slice(0, 200).replaceAll('\n', ' '));
  // The browser scrolls to the place with the next frame that it draws, which may be after the page has loaded.
  const inView = page.waitForFunction(() => { const b = document.querySelector('#place')?.getBoundingClientRect(); return b && b.top >= 0 && b.bottom <= innerHeight; });
  check('explain: the line is marked and in view', await comes(page.locator('.ln.hit#place')) && await inView.then(() => true, () => false));
  check('explain: no value in the address', !/meter|frokost|rollator/i.test(decodeURIComponent(page.url())));
  await look(page, 'explain', new URL(page.url()).pathname + new URL(page.url()).search, ['Where this value stands', 'mapping row']);
};

// sourcesOf opens the list of sources, which is folded away when it is long.
const sourcesOf = async (page) => {
  const more = page.locator('#sources ~ details.long:not([open]) > summary');
  if (await more.count()) await more.click();
  return page.locator('section[aria-labelledby=sources] .scroll').first();
};

// decided sends two dates for the next evaluation and decides between them with one click.
const decided = async (page, plan) => {
  const dates = await tell(base, data);
  check('conflict: both messages are taken', dates.statuses.every((s) => s === 202), dates.statuses.join(', '));
  const open = page.locator('.conflict', { hasText: 'Next evaluation' });
  for (const end = Date.now() + patience; Date.now() < end && await open.count() === 0;) {
    await page.waitForTimeout(500);
    await page.goto(base + plan);
  }
  await look(page, 'plan-conflict', plan, ['To decide', 'Next evaluation', 'Nordlia legesenter', 'Bekkedal kommune', 'contested', 'Zone plan', 'Gå tur med bikkja', 'Progress marks', 'Dialogue']);
  await page.setViewportSize({ width: 1440, height: 1000 });
  const shown = await open.locator('.choice').allInnerTexts();
  const words = (day) => new Date(day + 'T12:00:00Z').toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' }).replace('Sept', 'Sep');
  check('conflict: both values are shown', [dates.first, dates.second].every((d) => shown.some((t) => t.includes(words(d)))), shown.join(' | '));
  const plans = await page.context().newPage();
  await plans.goto(base + '/plans');
  check('conflict: the list counts it', (await plans.locator('main').innerText()).includes('1 to decide'));
  await plans.close();
  await open.locator('li', { hasText: words(dates.first) }).getByRole('button', { name: /^Use this/ }).click();
  await arrives(page, page.locator('.flash'));
  check('conflict: the decision is told', (await page.locator('.flash').innerText()).startsWith('Decided: Next evaluation is ' + words(dates.first)), await page.locator('.flash').innerText());
  check('conflict: nothing is left to decide', await page.locator('.conflict').count() === 0 && (await page.locator('main').innerText()).includes('1 conflict decided'));
  await page.getByText('1 conflict decided').click();
  const settled = await page.locator('.settled').innerText();
  check('conflict: both values stay on record', [dates.first, dates.second].every((d) => settled.includes(words(d))) && settled.includes('decided by'), settled.slice(0, 160));
  check('conflict: the decision is a message', (await (await sourcesOf(page)).innerText()).includes('plan-write'));
  await page.goto(base + '/audit');
  check('conflict: the decision is audited', (await page.locator('main').innerText()).includes('resolve-conflict'));
  return { ...dates, words };
};

// lookedBack asks what the GP knew before the new messages came.
const lookedBack = async (page, plan, dates) => {
  await look(page, 'then-form', plan + '/then', ['Who knew what, when']);
  await page.getByLabel('Who', { exact: true }).selectOption({ label: 'Nordlia legesenter' });
  const oslo = (t) => new Date(t).toLocaleString('sv-SE', { timeZone: 'Europe/Oslo' }).slice(0, 16).replace(' ', 'T');
  await page.getByLabel(/^When/).fill(oslo(Date.now()));
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await page.waitForURL(/then\?.*at=/);
  const now = await page.locator('main').innerText();
  check('time machine: what is known now', now.includes('What Nordlia legesenter knew on') && now.includes(dates.words(dates.first)), now.slice(0, 160));
  await look(page, 'then', `${plan}/then?party=gp&at=${encodeURIComponent(oslo(Date.now()))}`, ['knew on', 'By then', 'What has come since']);
  check('time machine: nothing can be decided in the past', await page.getByRole('button', { name: /^Use this/ }).count() === 0);
  await page.goto(`${base}${plan}/then?party=&at=2026-01-01T09:00`);
  check('time machine: before the first message nothing was known', (await page.locator('main').innerText()).includes('Nothing was known of this person then'));
};

// printed looks at the patient's sheet: its language, its widths, and that it is one A4 page.
const printed = async (page, plan) => {
  for (const [lang, title, words] of [['nb', 'Planen min', 'Hvem kan jeg ringe til'], ['da', 'Min plan', 'Hvem kan jeg ringe til']]) {
    const path = `${plan}/print?lang=${lang}`;
    for (const width of widths) {
      await page.setViewportSize({ width, height: width < 600 ? 720 : 1000 });
      const answer = await page.goto(base + path);
      check(`sheet ${lang}: answers`, answer.status() === 200, `status ${answer.status()}`);
      const wide = await sideways(page);
      check(`sheet ${lang}: no sideways scrolling at ${width} px`, wide === '', wide);
      await picture(page, `sheet-${lang}-${width}`, { fullPage: true });
    }
    const text = await page.locator('main').innerText();
    check(`sheet ${lang}: its words`, [title, words, 'bikkja', '113'].every((w) => text.includes(w) || (lang === 'da' && w === '113')), text.slice(0, 160));
    check(`sheet ${lang}: own words come first`, text.indexOf('bikkja') > 0 && text.indexOf('bikkja') < text.indexOf('50 meter'));
    check(`sheet ${lang}: three zones`, await page.locator('.zones > li').count() === 3);
    check(`sheet ${lang}: nothing internal`, !/gap|conflict|contested|avvik|R\d+\b|no-coordinator/i.test(text));
    check(`sheet ${lang}: language`, await page.locator('html').getAttribute('lang') === lang);
    const pale = await faint(page);
    check(`sheet ${lang}: contrast`, pale === '', pale);
    await page.emulateMedia({ media: 'print' });
    const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true, ...(folder ? { path: join(folder, `sheet-${lang}.pdf`) } : {}) });
    const pages = pdf.toString('latin1').match(/\/Type\s*\/Page[^s]/g)?.length;
    check(`sheet ${lang}: fits one A4 page`, pages === 1, `${pages} pages`);
    const box = pdf.toString('latin1').match(/\/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]/);
    check(`sheet ${lang}: the page is A4`, box && Math.abs(box[1] - 595) < 2 && Math.abs(box[2] - 842) < 2, box?.[0]);
    check(`sheet ${lang}: type is large`, await page.locator('.sheet li').first().evaluate((e) => parseFloat(getComputedStyle(e).fontSize)) >= 15);
    check(`sheet ${lang}: links are not printed`, !(await page.locator('.screen').isVisible()));
    await page.emulateMedia({ media: 'screen' });
  }
};

// repaired sets a message aside and lets it count again, links an identifier and withdraws the link.
const repaired = async (page, plan) => {
  await page.setViewportSize({ width: 1440, height: 1000 });
  const flash = async (name, words) => {
    const told = page.locator('.flash', { hasText: words });
    await arrives(page, told);
    const text = await told.count() ? await told.innerText() : '';
    check(name, text.includes(words), text || (await page.locator('main').innerText()).slice(0, 200));
  };
  await page.goto(base + plan);
  const row = (await sourcesOf(page)).locator('tr', { hasText: 'EPIKRISE' });
  await row.locator('summary', { hasText: 'Set aside' }).click();
  await row.getByLabel('Reason').fill('gjelder en annen');
  await row.locator('button[type=submit]').click();
  await flash('hold: is told', 'Set aside.');
  const held = page.locator('#rights ~ .items, section[aria-labelledby=rights]').last();
  check('hold: the message no longer counts', await row.count() === 0 && (await held.innerText()).includes('gjelder en annen'));
  await held.locator('summary', { hasText: 'Let it count again' }).click();
  await held.getByLabel('Reason').fill('riktig person');
  await held.locator('button[type=submit]').click();
  await flash('release: is told', 'counts again');
  check('release: the message counts', await row.count() === 1);
  const link = page.locator('details.link');
  await link.locator('summary').click();
  await link.getByLabel('Kind of identifier').selectOption({ label: 'D-number' });
  await link.getByLabel('Identifier', { exact: true }).fill('70019950032');
  await link.getByLabel(/^Evidence/).fill('melding fra folkeregisteret');
  await link.getByRole('button', { name: 'Link', exact: true }).click();
  await flash('link: is told', 'shown as one person');
  const person = page.locator('section[aria-labelledby=person]');
  check('link: both identifiers are shown', (await person.innerText()).includes('70019950032') && (await person.innerText()).includes('Identifiers shown as one person'));
  await person.locator('summary', { hasText: 'Withdraw the link' }).first().click();
  await person.locator('details[open] input[name=reason]').first().fill('feil koblet');
  await person.locator('details[open] button[type=submit]').first().click();
  await flash('unlink: is told', 'stand apart again');
  check('unlink: one identifier is left', !(await person.innerText()).includes('70019950032'));
};

// people lets a reader in, who sees the plan and is offered no decision.
const people = async (page, plan) => {
  await look(page, 'people', '/people', ['Let somebody in', 'coordinator']);
  await page.getByLabel('User name').fill('reader');
  await page.locator('#new-all-plans').check();
  await page.getByRole('button', { name: 'Let in' }).click();
  const word = await page.locator('code.secret').innerText();
  const context = await newContext();
  const reader = await signIn(context, 'reader', word);
  await reader.goto(base + plan);
  const main = await reader.locator('main').innerText();
  check('reader: sees the plan', main.includes('Gå tur med bikkja'));
  check('reader: is offered no decision', await reader.getByRole('button', { name: /^(Use this|Set aside|Link)/ }).count() === 0 && !main.includes('Set aside'));
  check('reader: has no list of people', await reader.locator('header a[href="/people"]').count() === 0);
  const refused = await reader.request.post(base + plan + '/hold', { form: { csrf: await reader.locator('input[name=csrf]').first().getAttribute('value'), key: 'x', reason: 'because' }, headers: { Origin: base } });
  check('reader: a decision is refused', refused.status() === 403, String(refused.status()));
  await context.close();
};

const tour = async () => {
  const context = await newContext();
  const page = await signIn(context);

  // The course is there when its last plan is: the discharge report has reached the list.
  let told = false;
  for (const end = Date.now() + patience; Date.now() < end && !told;) {
    await page.goto(base + '/messages');
    told = (await page.locator('main').innerText()).includes('UTSKRIVNINGSRAPPORT');
    if (!told) await page.waitForTimeout(500);
  }
  check('the stroke course is there', told);

  await look(page, 'overview', '/overview', ['Today', 'Nothing is lost', 'adds up', 'Parties', 'Newest messages']);
  await look(page, 'messages', '/messages', ['LOG_INNLAGT', 'patient admitted', 'INNLEGGELSESRAPPORT', 'processed']);

  const linkTo = async (list, words) => {
    await page.goto(base + list);
    return page.locator('main a', { hasText: words }).first().getAttribute('href');
  };
  const trace = await linkTo('/messages', 'UTSKRIVNINGSRAPPORT');
  await look(page, 'trace', trace, ['What happened', 'Received and stored', 'Plan changed', 'Receivers', 'Chosen by rule', 'Transport: bytes taken', 'Application receipt', 'Mapping notes']);
  check('trace: lanes for sender, gateway and receivers', await page.locator('.lanes .head').count() >= 3);
  check('trace: a transport acknowledgement is drawn', await page.locator('.row.transport .arrow').count() > 0);
  check('trace: an application receipt is drawn apart', await page.locator('.row.receipt .arrow').count() > 0);
  await look(page, 'original', trace + '/original', ['MsgHead', 'Download the exact bytes']);
  await reading(page, linkTo, trace);

  await look(page, 'plans', '/plans', ['Show names']);
  await page.goto(base + '/plans');
  const plan = await page.locator('table tbody th a').first().getAttribute('href');
  check('plan: no number in its address', !/\d{11}/.test(plan), plan);
  await look(page, 'plan', plan, ['Stay', 'Goals', 'Last looked at', 'Next look', 'Measures: who carries what', 'Nobody yet', 'Function', 'IPLOS', 'Barthel', 'Team', 'Sources', 'Versions', 'Discharged', 'declined', 'The course on one line']);
  await look(page, 'plan-function', plan + '/function', ['Picture of function', 'By area of life', 'Walking', 'IPLOS', 'Each instrument by itself']);
  check('function: a small chart per variable', await page.locator('svg.plot').count() >= 17, String(await page.locator('svg.plot').count()));
  check('function: bands are hidden until asked for', !(await page.locator('.band').first().isVisible()));
  await page.getByLabel(/Show pale bands/).check();
  check('function: bands are shown when asked for', await page.locator('.band').first().evaluate((e) => getComputedStyle(e).visibility) === 'visible');
  await page.setViewportSize({ width: 1440, height: 1000 });
  await page.goto(base + plan);
  const cite = page.locator('section[aria-labelledby=person] details.cite').first();
  await cite.locator('summary').focus();
  await page.keyboard.press('Enter');
  check('plan: the source of a value opens by keyboard', await comes(cite.getByRole('link', { name: /Open the message/ })));
  await picture(page, 'plan-source');
  await page.emulateMedia({ media: 'print' });
  check('plan: printing leaves navigation out', !(await page.locator('header nav').isVisible()));
  await page.emulateMedia({ media: 'screen' });
  await look(page, 'plan-diff', plan + '/diff', ['What changed in the plan', 'From version']);
  await explained(page, plan);
  const dates = await decided(page, plan);
  await lookedBack(page, plan, dates);
  await printed(page, plan);
  await repaired(page, plan);
  await people(page, plan);

  await look(page, 'attention', '/attention', ['Needs attention']);
  await look(page, 'parties', '/parties', ['Waiting to be sent', 'Receipts awaited']);
  await look(page, 'audit', '/audit', ['read-plan', 'read-message', 'read-content', 'sign-in']);
  await tables(page);
  await keyboard(page);

  // Live: an open page says so politely.
  await page.goto(base + '/overview');
  const live = page.locator('#live');
  check('live: the page is connected', await comes(live.filter({ hasText: /^(live|updated [0-9:]+)$/ })), await live.innerText());
  check('live: news are told politely', await live.getAttribute('aria-live') === 'polite');

  // A chain check, and nothing in the console so far.
  await page.goto(base + '/audit');
  await page.getByRole('button', { name: 'Check the chain now' }).click();
  await arrives(page, page.locator('main').getByText('chain is whole'));
  check('audit: the chain is whole', (await page.locator('main').innerText()).includes('chain is whole'));
  check('no errors in the console', errors.length === 0, errors.slice(0, 3).join('; '));

  // The same without JavaScript.
  const plain = await newContext({ javaScriptEnabled: false, viewport: { width: 1280, height: 900 } });
  const still = await signIn(plain);
  for (const [name, path, words] of [['overview', '/overview', 'Nothing is lost'], ['messages', '/messages', 'LOG_INNLAGT'], ['trace', trace, 'What happened'],
    ['plan', plan, 'Measures: who carries what'], ['function', plan + '/function', 'By area of life'], ['time machine', plan + '/then', 'Who knew what, when'], ['sheet', plan + '/print?lang=da', 'Min plan'], ['reading', trace + '/read', 'Om meldingen'], ['mapping', '/mapping', 'INNLEGGELSESRAPPORT'], ['attention', '/attention', 'Needs attention'], ['parties', '/parties', 'Receipts awaited']]) {
    await still.goto(base + path);
    check(`without JavaScript: ${name}`, (await still.locator('main').innerText()).includes(words));
  }
  await still.goto(base + '/messages');
  await still.getByLabel('Kind').selectOption('LOG_UTSKREVET');
  await still.getByRole('button', { name: 'Filter' }).click();
  await still.waitForURL(/[?&]kind=LOG_UTSKREVET/);
  const kinds = await still.locator('table tbody th').allInnerTexts();
  check('without JavaScript: the filter works', kinds.length > 0 && kinds.every((k) => k.includes('LOG_UTSKREVET')), kinds.join(', '));
  await still.goto(base + plan);
  await still.locator('.facts details.cite summary').first().click();
  check('without JavaScript: a source opens', await comes(still.locator('details.cite[open] a')));
  await still.getByRole('button', { name: 'Sign out' }).click();
  await still.waitForURL('**/sign-in').catch(() => {});
  check('signing out leads to sign-in', new URL(still.url()).pathname === '/sign-in');
  await still.goto(base + '/overview');
  check('after signing out nothing is shown', new URL(still.url()).pathname === '/sign-in');
};

// What breaks the tour off is one more failure, so that the last line always counts.
await tour().catch((e) => check('the tour', false, `${e.message.split('\n')[0]} ${e.stack.match(/ui\.mjs:\d+/g)?.[0] || ''}`));
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
