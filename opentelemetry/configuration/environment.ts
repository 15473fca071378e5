import { diagnose } from "../../ctx/diagnostics.ts";

/** The environment variables that may be read, without ever prompting for those that may not. */
export class Environment {
  /** Whether some of the specification's variables may not be read. */
  readonly restricted: boolean;
  readonly #all: boolean;

  constructor() {
    this.#all = granted({ name: "env" });
    this.restricted = !this.#all && !granted({ name: "env", variable: "OTEL_EXPORTER_OTLP_ENDPOINT" });
  }

  /** The value of a variable; an empty one is unset, as the specification has it. */
  get(name: string): string | undefined {
    if (!this.#all && !granted({ name: "env", variable: name })) return undefined;
    return Deno.env.get(name)?.trim() || undefined;
  }

  /** Only `true` is true; what is neither is reported and ignored. */
  boolean(name: string): boolean | undefined {
    const value = this.get(name)?.toLowerCase();
    if (value === undefined) return undefined;
    if (value === "true" || value === "false") return value === "true";
    return ignored(name, "be 'true' or 'false'", value);
  }

  /** A whole number of at least `least`. */
  integer(name: string, least: number): number | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (Number.isInteger(number) && number >= least) return number;
    return ignored(name, `be an integer of at least ${least}`, value);
  }

  /** One of some words, in any case. */
  choice<T extends string>(name: string, among: readonly T[]): T | undefined {
    const value = this.get(name)?.toLowerCase();
    if (value === undefined || (among as readonly string[]).includes(value)) return value as T | undefined;
    return ignored(name, `be one of ${among.map((word) => `'${word}'`).join(", ")}`, value);
  }

  /** Pairs `key=value,key=value` with percent-encoded values: headers, resource attributes. */
  pairs(name: string): Record<string, string> {
    const pairs: Record<string, string> = {};
    for (const pair of this.get(name)?.split(",") ?? []) {
      const [key, ...rest] = pair.split("=");
      if (key.trim() === "" || rest.length === 0) continue;
      Object.defineProperty(pairs, decode(key), {
        value: decode(rest.join("=")),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return pairs;
  }
}

/** Reports a variable whose value cannot be used, and goes on without it. */
export function ignored(name: string, rule: string, value: string): undefined {
  diagnose(
    `environment:${name}`,
    `Ignoring ${name} as it must ${rule}: current value is ${JSON.stringify(value)}`,
  );
}

/** Whether a permission was granted; asks nobody. */
export function granted(permission: Deno.PermissionDescriptor): boolean {
  try {
    return Deno.permissions.querySync(permission).state === "granted";
  } catch {
    return false;
  }
}

/** Percent-decoded, or as it is where that fails. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text.trim());
  } catch {
    return text.trim();
  }
}
