// Passkeys in the console: asks the vault what to ask for, then the browser, and posts the answer like any form. Without it, forms
// with passkeys stay hidden, and passwords and codes work as they do.
"use strict";
(() => {
  if (!window.PublicKeyCredential || !navigator.credentials || !window.fetch) return;

  const WORDS = {
    NotAllowedError: "No passkey was used: it was cancelled, or took too long. Please try again.",
    InvalidStateError: "This device has a passkey for this account already.",
    SecurityError: "This browser refuses passkeys at this address.",
    other: "This did not work. Please load the page again.",
  };

  const toBytes = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (c) => c.charCodeAt(0));
  };
  const toText = (buffer) => {
    const plain = String.fromCharCode(...new Uint8Array(buffer));
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };
  const withBytes = (list) => (list || []).map((one) => ({ ...one, id: toBytes(one.id) }));

  // A request that ends elsewhere: the session is over, or wants to be confirmed first.
  class Elsewhere extends Error {}

  const ask = async (form) => {
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.dataset.options, { method: "POST", body, credentials: "same-origin" });
    if (answer.redirected) {
      location.assign(answer.url);
      throw new Elsewhere();
    }
    if (!answer.ok) throw new Error("refused");
    return (await answer.json()).publicKey;
  };

  const make = async (options) => {
    const publicKey = { ...options, challenge: toBytes(options.challenge) };
    publicKey.user = { ...options.user, id: toBytes(options.user.id) };
    publicKey.excludeCredentials = withBytes(options.excludeCredentials);
    const made = await navigator.credentials.create({ publicKey });
    return {
      id: toText(made.rawId),
      authenticatorData: toText(made.response.getAuthenticatorData()),
      clientDataJSON: toText(made.response.clientDataJSON),
    };
  };

  const prove = async (options) => {
    const publicKey = { ...options, challenge: toBytes(options.challenge) };
    publicKey.allowCredentials = withBytes(options.allowCredentials);
    const proof = await navigator.credentials.get({ publicKey });
    const { authenticatorData, clientDataJSON, signature, userHandle } = proof.response;
    return {
      id: toText(proof.rawId),
      authenticatorData: toText(authenticatorData),
      clientDataJSON: toText(clientDataJSON),
      signature: toText(signature),
      userHandle: userHandle ? toText(userHandle) : null,
    };
  };

  const send = async (form) => {
    const problem = form.querySelector("[role=alert]");
    const button = form.querySelector("button");
    problem.textContent = "";
    button.disabled = true;
    try {
      const options = await ask(form);
      const answer = await (form.dataset.passkey === "make" ? make(options) : prove(options));
      form.elements.answer.value = JSON.stringify(answer);
      HTMLFormElement.prototype.submit.call(form);
    } catch (error) {
      if (!(error instanceof Elsewhere)) problem.textContent = WORDS[error.name] || WORDS.other;
      button.disabled = false;
    }
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form);
    });
  }
  for (const element of document.querySelectorAll("[data-without-passkeys]")) element.hidden = true;
})();
