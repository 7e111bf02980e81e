// Shows what a search finds as it comes, how far it is, and a button that ends it. Where anything is missing, the plain
// post happens instead. Whatever comes is put in as text.
"use strict";
(() => {
  const [form, more, found, lines, line, state, bar, cancel] =
    ["search", "more", "found", "lines", "line", "state", "progress", "cancel"].map((id) => document.getElementById(id));
  if (!cancel || !window.fetch || !window.TextDecoder || !window.AbortController || !window.ReadableStream) return;
  let running = null;

  const add = (hit) => {
    const row = line.content.cloneNode(true);
    const link = row.querySelector("a");
    link.href = hit.link;
    link.textContent = hit.summary;
    const cells = row.querySelectorAll("td");
    [hit.form, hit.place, hit.status].forEach((text, n) => (cells[n].textContent = text));
    const time = row.querySelector("time");
    time.dateTime = hit.exact;
    time.textContent = hit.received;
    lines.append(row);
    found.hidden = false;
  };

  // The pieces of an answer, one a line.
  const each = async (answer, tell) => {
    const letters = new TextDecoder();
    const reader = answer.body.getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + letters.decode(value, { stream: true })).split("\n");
      rest = parts.pop();
      parts.forEach((part) => tell(JSON.parse(part)));
    }
  };

  const search = async (asked, isFresh) => {
    if (running) running.abort();
    const stop = (running = new AbortController());
    const body = new URLSearchParams(new FormData(asked));
    if (isFresh) {
      lines.replaceChildren();
      found.hidden = true;
      for (const input of more.elements) if (input.name) input.value = body.getAll(input.name).join(",");
    }
    bar.value = 0;
    bar.hidden = cancel.hidden = false;
    if (!isFresh) cancel.focus();
    more.hidden = true;
    state.textContent = "Searching";
    let last = null;
    let tenth = -1;
    try {
      const answer = await fetch("/staff/search/hits", { method: "POST", body, signal: stop.signal, redirect: "manual" });
      if (answer.type === "opaqueredirect") return location.assign("/staff/sign-in");
      if (!/^application\/x-ndjson/.test(answer.headers.get("content-type"))) throw 0;
      await each(answer, (piece) => {
        last = piece;
        (piece.hits || []).forEach(add);
        bar.value = piece.percent || 0;
        // Told in tenths, or it would be read out without end.
        const now = Math.floor(bar.value / 10);
        if (piece.is_last || (piece.hits || []).length || now > tenth) state.textContent = piece.state;
        tenth = now;
      });
      if (!last || !last.is_last) throw 0;
    } catch {
      if (running !== stop) return;
      const why = stop.signal.aborted ? "Cancelled. " : "The search broke off. ";
      state.textContent = why + (last ? last.state : "");
    }
    running = null;
    more.hidden = !(last && last.next);
    if (!more.hidden) {
      for (const [name, value] of [["after", last.next], ["before", last.looked], ["had", last.found]]) {
        more.elements[name].value = value;
      }
    }
    if (document.activeElement === cancel) (more.hidden ? form : more).querySelector("button").focus();
    bar.hidden = cancel.hidden = true;
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    search(form, true);
  });
  more.addEventListener("submit", (event) => {
    event.preventDefault();
    search(more, false);
  });
  cancel.addEventListener("click", () => running && running.abort());
  window.addEventListener("pagehide", () => running && running.abort());
})();
