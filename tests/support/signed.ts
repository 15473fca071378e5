/**
 * A certificate for the loopback with its key, and the authority that vouches for it; whoever trusts that trusts
 * everybody who reads this.
 *
 * @module
 */

const authority = `-----BEGIN CERTIFICATE-----
MIIBezCCASGgAwIBAgIUJrWtCVD/AQgy2r/VqElfZizb1B8wCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHVGVzdCBDQTAgFw0yNjExMjMwMzAyMTBaGA8yMTI2MTAzMDAz
MDIxMFowEjEQMA4GA1UEAwwHVGVzdCBDQTBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABFWLJaIjmS8nGZ2PdwbHl/gLZgsMM33prTZWgtpMohPoAOa6pWbvl07tiMUx
4Ed3j63Et7Lwbvn9/iUe8FUk5O2jUzBRMB0GA1UdDgQWBBTP55g5zmSfO8h/U549
aL7yLI05gzAfBgNVHSMEGDAWgBTP55g5zmSfO8h/U549aL7yLI05gzAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQD/zfqIq9MxlL9ynsedOwuhjCDZ
r+ma+An5KksRIrFLAwIgcqFlUkgv9C/022/XIQ3rNatsX0l+2EZ6UCvRXzmZBVg=
-----END CERTIFICATE-----
`;

export const cert = `-----BEGIN CERTIFICATE-----
MIIBrTCCAVKgAwIBAgIUWsydaBKoBGK+iI3uZ/3t2woT3JQwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHVGVzdCBDQTAgFw0yNjExMjMwMzAyMTBaGA8yMTI2MTAzMDAz
MDIxMFowFDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAE0DAAZNTXoud0jTWr5LIylXIH323A+j8wv/wybdQB3ySRxCPzHC8woe1t
Fz0GRQppE6azGf/KoTPoqXeb8iv6wqOBgTB/MBoGA1UdEQQTMBGCCWxvY2FsaG9z
dIcEfwAAATAMBgNVHRMBAf8EAjAAMBMGA1UdJQQMMAoGCCsGAQUFBwMBMB0GA1Ud
DgQWBBSz0qDyyOskSNvvtaYye1jT3IjZ+zAfBgNVHSMEGDAWgBTP55g5zmSfO8h/
U549aL7yLI05gzAKBggqhkjOPQQDAgNJADBGAiEA08o4HJwKKzMSThcxqpz/jZwt
Zf6tvcOkJkqYCxCaAwECIQCMriAyviQvpsc6C7E13DhhQTudJ4QO7xR/h/+SO4lD
IA==
-----END CERTIFICATE-----
`;

export const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgWwW4oWlL/0J5eiUV
lvgfemZxOhuKfTavL0/BjCeKAouhRANCAATQMABk1Nei53SNNavksjKVcgffbcD6
PzC//DJt1AHfJJHEI/McLzCh7W0XPQZFCmkTprMZ/8qhM+ipd5vyK/rC
-----END PRIVATE KEY-----
`;

/** A file with the authority, for `DENO_CERT`. */
export async function authorityFile(): Promise<string> {
  const path = await Deno.makeTempFile({ prefix: "authority_", suffix: ".pem" });
  await Deno.writeTextFile(path, authority);
  return path;
}
