/**
 * A certificate for the loopback with its key, and the authority that vouches for it; whoever trusts that trusts
 * everybody who reads this.
 *
 * @module
 */

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

/** The file with the authority, for `DENO_CERT`. */
export const authorityFile: string = new URL("authority.pem", import.meta.url).pathname;
