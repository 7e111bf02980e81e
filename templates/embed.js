// Sends forms without leaving the page: ours, and forms on other sites that carry data-letterlock. Progress of uploads,
// mistakes beside their fields, the receipt, proof of work. Where anything is missing, the plain post happens instead.
"use strict";
(() => {
  if (!window.fetch || !window.FormData || !window.URL || !window.crypto || !window.Promise) return;
  // A page may load it twice, for a form and for a frame; what is sent twice would be two submissions.
  const here = Symbol.for("letterlock");
  if (window[here]) return;
  window[here] = true;

  const hex = (bytes) => Array.from(new Uint8Array(bytes), (b) => b.toString(16).padStart(2, "0")).join("");
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const post = (form) => HTMLFormElement.prototype.submit.call(form);

  // What a form says to people: data-text-NAME on the form, or the vault's words for it in the language of the page.
  const word = (form, name) => form.dataset["text" + name[0].toUpperCase() + name.slice(1)] || form[here]?.[name] || "";

  const make = (tag, kind, text, inside) => {
    const element = document.createElement(tag);
    if (kind) element.className = "letterlock-" + kind;
    if (text) element.textContent = text;
    if (inside) inside.append(element);
    return element;
  };

  // Finds the number that a guarded form asks for.
  const solve = async (url) => {
    const answer = await fetch(url, { credentials: "omit", cache: "no-store" });
    if (!answer.ok || !crypto.subtle) return "";
    const { algorithm, challenge, maxnumber, salt, signature } = await answer.json();
    const letters = new TextEncoder();
    for (let from = 0; from <= maxnumber; from += 500) {
      const hashes = [];
      for (let n = from; n < from + 500 && n <= maxnumber; n++) {
        hashes.push(crypto.subtle.digest("SHA-256", letters.encode(salt + n)));
      }
      const found = (await Promise.all(hashes)).findIndex((hash) => hex(hash) === challenge);
      if (found >= 0) return btoa(JSON.stringify({ algorithm, challenge, number: from + found, salt, signature }));
    }
    return "";
  };

  const send = (url, data, headers, progress) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    for (const name in headers) request.setRequestHeader(name, headers[name]);
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onload = () => resolve(request);
    request.onerror = request.onabort = () => reject();
    request.send(data);
  });

  // The lines beside the button that say what is going on.
  const working = (form) => {
    const button = form.querySelector("[type=submit], button:not([type])");
    const bar = make("progress", "progress");
    bar.max = 1;
    bar.hidden = true;
    const status = form.querySelector("[role=status]") || make("p", "status");
    status.setAttribute("role", "status");
    if (!status.parentNode) button ? button.after(status) : form.append(status);
    status.before(bar);
    return {
      say: (text) => (status.textContent = text),
      // Told in tenths, or it would be read out without end.
      progress: (part) => {
        bar.hidden = false;
        bar.setAttribute("aria-label", word(form, "sending"));
        bar.value = part;
        status.textContent = word(form, "sending") + " " + Math.floor(part * 10) * 10 + " %";
      },
      end: (text) => {
        bar.hidden = true;
        status.textContent = text || "";
      },
    };
  };

  // A form on one of our own pages: the answer is the next page.
  const own = (form) => {
    const ui = working(form);
    let busy = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (busy) return;
      busy = true;
      let failed = word(form, "failed");
      try {
        if (form.dataset.challenge) {
          ui.say(word(form, "busy"));
          form.querySelector("[name=altcha]").value = await solve(form.dataset.challenge).catch(() => "");
        }
        ui.say(word(form, "sending"));
        const request = await send(form.getAttribute("action"), new FormData(form), {}, ui.progress);
        if (!/^text\/html/.test(request.getResponseHeader("content-type"))) throw 0;
        const page = new DOMParser().parseFromString(request.responseText, "text/html");
        document.title = page.title;
        document.body.replaceWith(page.body);
        start();
        const first = document.querySelector(".summary") || document.querySelector("h1");
        first.tabIndex = -1;
        first.focus();
        window.scrollTo(0, 0);
      } catch {
        ui.end(failed);
      }
      busy = false;
    });
  };

  // A form on another site.
  const foreign = (form) => {
    const url = new URL(form.getAttribute("action"), location.href);
    const id = (/^\/f\/([a-z][a-z0-9-]*)$/.exec(url.pathname) || [])[1];
    if (!id) return;
    const api = url.origin + "/api/v1/forms/" + id;
    const ui = working(form);
    // The language of the page around it; then those of the browser.
    const around = form.closest("[lang]")?.lang;
    const spoken = { "Accept-Language": [around, ...navigator.languages].filter(Boolean).slice(0, 8).join() };
    const fresh = () => hex(crypto.getRandomValues(new Uint8Array(16)));
    let [key, about, busy, undo] = [fresh(), null, false, []];
    // Changed content is another submission; the same again is the same.
    for (const change of ["input", "change"]) form.addEventListener(change, () => (key = fresh()));

    const control = (name) => {
      const names = [name, "fields." + name, "consents." + name, name + ".line1"];
      return names.map((n) => form.querySelector(`[name="${CSS.escape(n)}"]`)).find(Boolean);
    };

    const mark = (input, text) => {
      const note = make("p", "problem", text);
      note.id = "letterlock-" + fresh();
      const legend = input.type === "radio" && input.closest("fieldset")?.querySelector("legend");
      legend ? legend.after(note) : (input.closest("label") || input).before(note);
      const described = input.getAttribute("aria-describedby");
      input.setAttribute("aria-invalid", "true");
      input.setAttribute("aria-describedby", described ? note.id + " " + described : note.id);
      undo.push(() => {
        note.remove();
        input.removeAttribute("aria-invalid");
        described ? input.setAttribute("aria-describedby", described) : input.removeAttribute("aria-describedby");
      });
    };

    const complain = (error) => {
      const box = make("div", "summary");
      box.setAttribute("role", "alert");
      box.tabIndex = -1;
      make("p", "title", error.problems.length ? word(form, "check") : error.title, box);
      const list = make("ul", "", "", box);
      for (const problem of error.problems) {
        const input = problem.field && control(problem.field);
        const line = make("li", "", input ? "" : problem.message, list);
        if (!input) continue;
        mark(input, problem.message);
        const link = make("a", "", problem.message, line);
        link.href = "#" + (input.id = input.id || "letterlock-" + fresh());
        link.addEventListener("click", (event) => {
          event.preventDefault();
          input.focus();
        });
      }
      if (!error.problems.length) make("li", "", error.detail, list);
      if (error.problems.some(({ code }) => code === "seems-private")) {
        const tick = make("input");
        [tick.type, tick.name] = ["checkbox", "_acknowledge"];
        make("label", "", "", box).append(tick, " " + word(form, "anyway"));
      }
      form.prepend(box);
      undo.push(() => box.remove());
      box.focus();
    };

    const receive = (code) => {
      const box = make("section", "receipt");
      box.tabIndex = -1;
      make("h2", "", word(form, "received"), box);
      make("p", "", word(form, "code"), box);
      make("p", "code", code, box);
      if (navigator.clipboard) {
        const button = make("button", "copy", word(form, "copy"), box);
        button.type = "button";
        button.addEventListener("click", async () => {
          await navigator.clipboard.writeText(code);
          button.textContent = word(form, "copied");
        });
      }
      make("p", "", word(form, "keep"), box);
      make("a", "open", word(form, "open"), make("p", "", "", box)).href = url.origin + "/my";
      const next = form.querySelector("[name=_next]")?.value;
      if (next && /^https?:/.test(next)) make("a", "next", word(form, "next"), make("p", "", "", box)).href = next;
      form.dispatchEvent(new CustomEvent("letterlock:received", { bubbles: true, detail: { form: id } }));
      form.replaceWith(box);
      box.focus();
    };

    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (busy) return;
      busy = true;
      const filled = new FormData(form);
      undo.splice(0).forEach((step) => step());
      const data = new FormData();
      try {
        about = about || (await (await fetch(api, { credentials: "omit", headers: spoken })).json());
        if (!about.fields) throw 0;
        form[here] = about.embed.words;
        if (about.proof_of_work) {
          ui.say(word(form, "busy"));
          const solution = await solve(api + "/challenge");
          if (!solution) throw 0;
          data.append("altcha", solution);
        }
      } catch {
        return post(form);
      }
      for (const [name, value] of filled) if (name[0] !== "_" || name === "_acknowledge") data.append(name, value);
      ui.say(word(form, "sending"));
      const once = key;
      let request;
      for (let n = 0; n < 4; n++) {
        request = await send(api + "/submissions", data, { ...spoken, "Idempotency-Key": once }, ui.progress).catch(() => null);
        const later = request ? +request.getResponseHeader("retry-after") : 2 ** n;
        if (n === 3 || !later || later > 10) break;
        ui.end(word(form, "retry"));
        await pause(later * 1000);
      }
      busy = false;
      let answer = null;
      try {
        answer = JSON.parse(request.responseText);
      } catch {}
      ui.end(answer ? "" : word(form, "failed"));
      if (!answer) return;
      if (answer.receipt) return receive(answer.receipt);
      if (key === once) key = fresh();
      complain(answer);
    });
  };

  // In a frame: tells the site around how high the page is, and when it was sent; nothing else.
  const tell = () => {
    const { frame, form, sent } = document.body.dataset;
    if (!frame || window.parent === window) return;
    const above = location.ancestorOrigins;
    const origins = frame.split(" ").filter((origin) => !above || origin === above[0]);
    const say = (message) => origins.forEach((origin) => window.parent.postMessage({ form, ...message }, origin));
    const height = () => say({ letterlock: "height", height: Math.ceil(document.body.getBoundingClientRect().height) });
    new ResizeObserver(height).observe(document.body);
    if (sent) say({ letterlock: "sent" });
  };

  // Around a frame: listens.
  window.addEventListener("message", ({ source, origin, data }) => {
    for (const frame of document.querySelectorAll("iframe[data-letterlock]")) {
      if (source !== frame.contentWindow || origin !== new URL(frame.src).origin || !data) continue;
      const height = data.letterlock === "height" ? Number(data.height) : 0;
      if (height > 0 && height < 50000) frame.style.height = height + "px";
      if (data.letterlock === "sent") frame.scrollIntoView({ block: "nearest" });
    }
  });

  const start = () => {
    document.querySelectorAll("form[data-letterlock-own]").forEach(own);
    document.querySelectorAll("form[data-letterlock]").forEach(foreign);
    tell();
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
