import { diagnose, diagnoseFailure } from "../../ctx/diagnostics.ts";
import type { Signal } from "../configuration/endpoint.ts";
import type { Batch } from "./sender.ts";

/** All batches of a spool directory together, those of other processes included. */
const MAX_BYTES = 256 * 1024 * 1024;
const LOCK = "lock";
const ASIDE = "aside";
/** Time, number, signal, items, bytes, encoding: all that is known of a batch without opening it. */
const NAME = /^(\d{15}-\d{6})-(traces|metrics|logs)-(\d+)-(\d+)\.(json|pb)(\.gz)?$/;

/** A batch on the disk. */
export interface SpoolFile {
  readonly path: string;
  readonly signal: Signal;
  readonly items: number;
  readonly bytes: number;
}

/**
 * Batches on the disk that the collector has not taken yet. Each process has a directory of its own in the spool,
 * with a file that it holds locked for as long as it lives: the kernel frees the lock however a process ends, and
 * who gets it then owns what lies there, alone. A batch is written under another name and renamed, so that it is
 * there as a whole or not at all, and removed once the collector has answered.
 */
export class Spool {
  readonly #root: string;
  readonly #maxBytes: number;
  /** The directories that are this process's, its own and those of dead ones, by what keeps them locked. */
  readonly #owned = new Map<string, Deno.FsFile>();
  readonly #waiting: Record<Signal, SpoolFile[]> = { traces: [], metrics: [], logs: [] };
  /** What was read last, and may be on its way. */
  readonly #reading: Partial<Record<Signal, SpoolFile>> = {};
  #own: string | undefined;
  #number = 0;
  #broken = false;

  constructor(root: string, maxBytes: number = MAX_BYTES) {
    this.#root = root;
    this.#maxBytes = maxBytes;
  }

  /** Takes over what processes that are gone have left; gives it back, for the books. */
  adopt(): SpoolFile[] {
    const found: SpoolFile[] = [];
    try {
      Deno.mkdirSync(this.#root, { recursive: true, mode: 0o700 });
      for (const { name, isDirectory } of Deno.readDirSync(this.#root)) {
        const directory = `${this.#root}/${name}`;
        if (isDirectory && name !== ASIDE && !name.startsWith(".") && !this.#owned.has(directory)) {
          found.push(...this.#claim(directory));
        }
      }
    } catch (error) {
      diagnoseFailure(`read the spool ${this.#root}`, error);
    }
    for (const file of found.sort((a, b) => a.path < b.path ? -1 : 1)) this.#waiting[file.signal].push(file);
    return found;
  }

  /** Whether something of a signal waits. */
  has(signal: Signal): boolean {
    return this.#waiting[signal].length > 0;
  }

  /** Writes a batch; what has to make room for it is handed back, the batch itself if there is none. */
  save(signal: Signal, batch: Batch): { readonly saved: boolean; readonly removed: readonly SpoolFile[] } {
    const removed: SpoolFile[] = [];
    if (this.#broken) return { saved: false, removed };
    try {
      const directory = this.#own ??= this.#open();
      const bytes = batch.body.byteLength;
      for (let used = this.#used(); used + bytes > this.#maxBytes; used -= removed.at(-1)!.bytes) {
        const [oldest] = this.#waiting[signal].splice(
          this.#waiting[signal][0] === this.#reading[signal] ? 1 : 0,
          1,
        );
        if (oldest === undefined) return { saved: false, removed };
        Deno.removeSync(oldest.path);
        removed.push(oldest);
      }
      const time = String(Date.now()).padStart(15, "0");
      const number = String(this.#number++ % 1e6).padStart(6, "0");
      const type = `${batch.type}${batch.compressed ? ".gz" : ""}`;
      const path = `${directory}/${time}-${number}-${signal}-${batch.items}-${bytes}.${type}`;
      Deno.writeFileSync(`${path}.part`, batch.body, { mode: 0o600, createNew: true });
      Deno.renameSync(`${path}.part`, path);
      this.#waiting[signal].push({ path, signal, items: batch.items, bytes });
      return { saved: true, removed };
    } catch (error) {
      diagnoseFailure(`write to the spool ${this.#root}`, error);
      return { saved: false, removed };
    }
  }

  /** Reads the oldest batch of a signal, which stays where it is; what cannot be read is set aside. */
  read(signal: Signal): { readonly batch?: Batch; readonly lost: readonly SpoolFile[] } {
    const lost: SpoolFile[] = [];
    for (let file = this.#waiting[signal][0]; file !== undefined; file = this.#waiting[signal][0]) {
      const { path, items, bytes } = file;
      try {
        const body = Deno.readFileSync(path);
        const compressed = path.endsWith(".gz");
        const type = /\.json/.test(path.slice(path.lastIndexOf("/"))) ? "json" : "pb";
        const first = compressed ? 0x1f : type === "json" ? 0x7b : 0x0a;
        if (body.byteLength === bytes && body[0] === first) {
          this.#reading[signal] = file;
          return { batch: { body, items, compressed, type, file }, lost };
        }
        this.#setAside(path, "is not whole");
      } catch (error) {
        diagnoseFailure(`read from the spool ${this.#root}`, error);
      }
      this.#waiting[signal].shift();
      lost.push(file);
    }
    return { lost };
  }

  /** Forgets a batch that is done with. */
  remove(file: SpoolFile): void {
    const waiting = this.#waiting[file.signal];
    const at = waiting.indexOf(file);
    if (at >= 0) waiting.splice(at, 1);
    try {
      Deno.removeSync(file.path);
    } catch (error) {
      diagnoseFailure(`remove from the spool ${this.#root}`, error);
    }
    const directory = file.path.slice(0, file.path.lastIndexOf("/"));
    if (directory !== this.#own && !this.#holds(directory)) this.#leave(directory);
  }

  /** Leaves what waits to the next process. */
  close(): void {
    for (const directory of [...this.#owned.keys()]) this.#leave(directory);
    this.#own = undefined;
    this.#broken = true;
  }

  /** Makes the directory of this process: it appears under its name when it is locked already. */
  #open(): string {
    const directory = `${this.#root}/${crypto.randomUUID()}`;
    const hidden = `${this.#root}/.${crypto.randomUUID()}`;
    try {
      Deno.mkdirSync(hidden, { recursive: true, mode: 0o700 });
      const lock = Deno.openSync(`${hidden}/${LOCK}`, {
        read: true,
        write: true,
        createNew: true,
        mode: 0o600,
      });
      if (!lock.tryLockSync(true)) throw new TypeError("it cannot be locked");
      Deno.renameSync(hidden, directory);
      this.#owned.set(directory, lock);
      return directory;
    } catch (error) {
      this.#broken = true;
      throw error;
    }
  }

  /** Takes over a directory, if its process is gone. */
  #claim(directory: string): SpoolFile[] {
    let lock: Deno.FsFile;
    try {
      lock = Deno.openSync(`${directory}/${LOCK}`, { read: true, write: true });
    } catch {
      // It is none of a spool, or was removed just now.
      return [];
    }
    try {
      if (!lock.tryLockSync(true)) return lock.close() ?? [];
      const files = [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) => name !== LOCK);
      this.#owned.set(directory, lock);
      const found = files.flatMap((name) => this.#known(directory, name));
      if (found.length === 0) this.#leave(directory);
      return found;
    } catch (error) {
      if (!this.#owned.has(directory)) lock.close();
      if (!(error instanceof Deno.errors.NotFound)) diagnoseFailure(`read the spool ${directory}`, error);
      return [];
    }
  }

  #known(directory: string, name: string): SpoolFile[] {
    const path = `${directory}/${name}`;
    const [, , signal, items, bytes] = NAME.exec(name) ?? [];
    if (signal !== undefined) {
      return [{ path, signal: signal as Signal, items: Number(items), bytes: Number(bytes) }];
    }
    this.#setAside(path, name.endsWith(".part") ? "is not whole" : "is none of this library");
    return [];
  }

  #holds(directory: string): boolean {
    return Object.values(this.#waiting).flat().some(({ path }) => path.startsWith(`${directory}/`));
  }

  /** Lets a directory go; an empty one goes for good, while it is still locked. */
  #leave(directory: string): void {
    const lock = this.#owned.get(directory);
    this.#owned.delete(directory);
    try {
      if (!this.#holds(directory)) {
        Deno.removeSync(`${directory}/${LOCK}`);
        Deno.removeSync(directory);
      }
    } catch (error) {
      diagnoseFailure(`leave the spool ${directory}`, error);
    }
    lock?.close();
  }

  #setAside(path: string, why: string): void {
    const name = path.slice(this.#root.length + 1).replaceAll("/", "-");
    try {
      Deno.mkdirSync(`${this.#root}/${ASIDE}`, { recursive: true, mode: 0o700 });
      Deno.renameSync(path, `${this.#root}/${ASIDE}/${name}`);
      diagnose("spool:aside", `Set aside ${name} in ${this.#root}/${ASIDE}, as it ${why}`);
    } catch (error) {
      diagnoseFailure(`set aside ${path}`, error);
    }
  }

  /** The bytes of all batches in the spool, as their names have it. */
  #used(): number {
    let used = 0;
    for (const { name, isDirectory } of Deno.readDirSync(this.#root)) {
      if (!isDirectory || name === ASIDE) continue;
      try {
        for (const file of Deno.readDirSync(`${this.#root}/${name}`)) {
          used += Number(NAME.exec(file.name)?.[4] ?? 0);
        }
      } catch {
        // Its process has removed it just now.
      }
    }
    return used;
  }
}
