// Finds the number that a guarded form asks for, when the form is sent. If anything fails, the form goes without, and the
// next page asks to wait instead.
"use strict";
(() => {
  const form = document.querySelector("form[data-challenge]");
  const field = form && form.querySelector("input[name=altcha]");
  if (!field || !window.crypto || !crypto.subtle || !window.fetch) return;
  const status = form.querySelector("[role=status]");
  let busy = false;

  const hex = (buffer) => Array.from(new Uint8Array(buffer), (b) => b.toString(16).padStart(2, "0")).join("");

  const solve = async (c) => {
    const words = new TextEncoder();
    const started = Date.now();
    for (let from = 0; from <= c.maxnumber; from += 500) {
      const hashes = [];
      for (let n = from; n < from + 500 && n <= c.maxnumber; n++) {
        hashes.push(crypto.subtle.digest("SHA-256", words.encode(c.salt + n)));
      }
      const found = (await Promise.all(hashes)).findIndex((hash) => hex(hash) === c.challenge);
      if (found >= 0) {
        const { algorithm, challenge, salt, signature } = c;
        return btoa(JSON.stringify({ algorithm, challenge, number: from + found, salt, signature, took: Date.now() - started }));
      }
    }
    return "";
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    status.textContent = status.dataset.busy;
    try {
      const answer = await fetch(form.dataset.challenge, { credentials: "omit", cache: "no-store" });
      if (answer.ok) field.value = await solve(await answer.json());
    } catch {
      field.value = "";
    }
    form.submit();
  });

  // Back from the next page: ready for another try.
  window.addEventListener("pageshow", () => {
    busy = false;
    field.value = "";
    status.textContent = "";
  });
})();
