// A provider of OpenID Connect for the tests: the certified package oidc-provider, over HTTPS, with its own pages for signing in.
// Whoever signs in is whom they say; their groups stand behind a plus: "jane+vault-hr".
//
// node provider.mjs CERTIFICATE KEY PORT CLIENT SECRET REDIRECT-URI ALGORITHM; says "ready" once it listens.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [certificate, key, port, client, secret, redirect, algorithm] = process.argv.slice(2);
// The packages lie in the folder that this is started in.
const from = createRequire(join(process.cwd(), 'package.json'));
const { default: Provider } = await import(pathToFileURL(from.resolve('oidc-provider')).href);

const pair = algorithm === 'ES256' ? ['ec', { namedCurve: 'P-256' }] : ['rsa', { modulusLength: 2048 }];
const jwk = generateKeyPairSync(...pair).privateKey.export({ format: 'jwk' });

const provider = new Provider(`https://localhost:${port}`, {
  clients: [{
    client_id: client,
    client_secret: secret,
    redirect_uris: [redirect],
    response_types: ['code'],
    grant_types: ['authorization_code'],
    id_token_signed_response_alg: algorithm,
  }],
  jwks: { keys: [{ ...jwk, kid: 'one', use: 'sig', alg: algorithm }] },
  cookies: { keys: ['of a test'] },
  claims: { openid: ['sub'], profile: ['preferred_username', 'groups'] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  findAccount: (_, id) => {
    const [name, ...groups] = id.split('+');
    return { accountId: id, claims: () => ({ sub: `subject of ${name}`, preferred_username: name, groups }) };
  },
});

createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, provider.callback())
  .listen(Number(port), '127.0.0.1', () => console.log('ready'));
