// Keeps the open page up to date. All pages work without it.
(() => {
  'use strict';
  const page = document.body.dataset.page;
  const said = document.getElementById('live');
  if (!page || !said || !window.EventSource) return;

  let timer = 0, running = false, again = false, waiting = 0;

  const say = (text) => { if (said.textContent !== text) said.textContent = text; };

  const newer = () => {
    const note = document.getElementById('newer');
    if (note) note.hidden = false;
    say('a newer version of the plan is ready');
  };

  // A region in which somebody works is left alone: what they type or have opened must not vanish.
  const inUse = (region) => region.contains(document.activeElement) && document.activeElement !== document.body ||
    region.querySelector('details.act[open], input:not(:checked)[type=checkbox]') !== null;

  const openOnes = (region) => [...region.querySelectorAll('details')].map((d, i) => d.open ? i : -1).filter((i) => i >= 0);

  const swap = (region, fresh) => {
    if (region.innerHTML === fresh.innerHTML) return false;
    const open = openOnes(region);
    region.replaceChildren(...fresh.childNodes);
    const list = region.querySelectorAll('details');
    for (const i of open) if (list[i]) list[i].open = true;
    return true;
  };

  const refresh = async () => {
    if (running) { again = true; return; }
    running = true;
    try {
      const answer = await fetch(location.href, { headers: { 'X-Samvirke-Live': '1' }, credentials: 'same-origin', redirect: 'manual' });
      if (!answer.ok) { say('live updates have paused; load the page again'); return; }
      const doc = new DOMParser().parseFromString(await answer.text(), 'text/html');
      let changed = 0, held = 0;
      const version = (d) => d.querySelector('[data-version]')?.dataset.version;
      if (version(document) !== version(doc)) newer();
      for (const region of document.querySelectorAll('[data-live][id]')) {
        const fresh = doc.getElementById(region.id);
        if (!fresh) continue;
        if (inUse(region)) { if (region.innerHTML !== fresh.innerHTML) held++; continue; }
        if (swap(region, fresh)) changed++;
      }
      const badge = document.getElementById('attention-count'), fresh = doc.getElementById('attention-count');
      if (badge && fresh && badge.innerHTML !== fresh.innerHTML) badge.innerHTML = fresh.innerHTML;
      if (held) say('there is news; it shows when you have finished here');
      else if (changed) say('updated ' + new Date().toLocaleTimeString('en-GB', { timeZone: 'Europe/Oslo' }));
      waiting = held;
    } catch {
      say('live updates are trying to reconnect');
    } finally {
      running = false;
      if (again) { again = false; soon(); }
    }
  };

  // Many events in a burst give one refresh; under steady load there is one every few seconds.
  let last = 0;
  const soon = () => {
    if (timer) return;
    const rest = Math.max(400, last + 3000 - Date.now());
    timer = setTimeout(() => { timer = 0; last = Date.now(); refresh(); }, rest);
  };

  document.addEventListener('focusout', () => { if (waiting) soon(); });

  const source = new EventSource('/events/live?page=' + encodeURIComponent(page));
  source.onopen = () => {
    say('live');
    soon(); // what happened between the page and the stream
  };
  source.onerror = () => say('live updates are trying to reconnect');
  source.onmessage = () => {
    if (page.startsWith('plan:')) newer();
    else soon();
  };
  source.addEventListener('reset', soon);
  addEventListener('pagehide', () => source.close());
})();
