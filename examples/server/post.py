#!/usr/bin/env python3
"""Posts a form on behalf of a person, from a server that holds a key.

On the vault, once:

    letterlock key create --name shop --forms site-application > shop.key

Then, for each person (the answers on standard input: never as arguments, which others on the machine can see):

    python3 post.py https://vault.example.org site-application shop.key cv=cv.pdf < answers.json

with answers such as {"fields": {"name": "Jane", "email": "jane@example.org"}, "consents": {"talent-pool": true}}.
Prints the receipt code, which is the person's: hand it on to them. VAULT_CA names a certificate file for a vault with a
self-made one.
"""

import json
import os
import secrets
import ssl
import sys
import time
import urllib.error
import urllib.request


def multipart(answers, files):
    """The answers as two JSON parts, then the files: the vault takes them in this shape as they come."""
    boundary = secrets.token_hex(16)
    parts = [(f'name="{name}"', json.dumps(answers.get(name, {})).encode()) for name in ("fields", "consents")]
    for name, path in files:
        with open(path, "rb") as file:
            parts.append((f'name="{name}"; filename="{os.path.basename(path)}"', file.read()))
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    )
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def main():
    vault, form, key_file, *files = sys.argv[1:]
    with open(key_file, encoding="ascii") as file:
        key = file.read().strip()
    body, kind = multipart(json.load(sys.stdin), [file.split("=", 1) for file in files])
    request = urllib.request.Request(
        f"{vault}/api/v1/forms/{form}/submissions",
        data=body,
        headers={
            "Authorization": f"Bearer {key}",
            "Content-Type": kind,
            # The same for each try: if only the answer was lost, the next try gets it, and nothing is stored twice.
            "Idempotency-Key": secrets.token_hex(16),
        },
    )
    context = ssl.create_default_context(cafile=os.environ.get("VAULT_CA"))
    for wait in (1, 5, 20, None):
        try:
            with urllib.request.urlopen(request, context=context, timeout=60) as answer:
                print(json.load(answer)["receipt"])
                return
        except urllib.error.HTTPError as error:
            if error.code not in (409, 429, 502, 503) or wait is None:
                # What is wrong, by field; for the person to mend.
                sys.exit(error.read().decode())
        except OSError as error:
            if wait is None:
                sys.exit(f"the vault cannot be reached: {error}")
        time.sleep(wait)


if __name__ == "__main__":
    main()
