/** Reads a variable of the environment. */
type Get = (name: string) => string | undefined;

/** The variable that names the proxy by which Deno goes to a URL, even to one on the same machine, if there is one. */
export function proxyOf(url: string, get: Get): string | undefined {
  const { hostname, protocol } = new URL(url);
  const read = (name: string) => get(name) ?? get(name.toLowerCase());
  const name = [protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY", "ALL_PROXY"].find(read);
  const exceptions = (read("NO_PROXY") ?? "").split(",").map((host) => host.trim()).filter((host) =>
    host !== ""
  );
  return exceptions.some((exception) => covers(exception, hostname)) ? undefined : name;
}

function covers(exception: string, host: string): boolean {
  const suffix = exception.replace(/^\*?\./, "");
  return exception === "*" || host === suffix || host.endsWith(`.${suffix}`);
}
