// From a link to a network, one step after the other: nothing is joined before a person has seen whose it is.
import type { Params, Result } from "#contract/methods.ts";
import type { Network } from "#contract/snapshot.ts";
import { MAX_PASTED_CHARACTERS } from "#main/contract/calls.ts";
import type { PendingInvite } from "#main/contract/state.ts";
import { CallError } from "#renderer/api/call-error.ts";
import type { AppModel } from "#renderer/state/app-state.svelte.ts";
import { type JoinProblem, joinProblem } from "./join-problem.ts";
import { type PictureFault, readPicture } from "./read-picture.ts";

/** Why what was given is not looked at any further: a fault of ours to see, or the shell's word. */
export type GivenFault = PictureFault | "empty" | "too-long";

export type JoinStep =
  | { readonly step: "open" }
  | { readonly step: "joining"; readonly invite: PendingInvite }
  | {
      readonly step: "failed";
      readonly invite: PendingInvite;
      readonly problem: JoinProblem;
      readonly error: CallError;
    }
  | {
      readonly step: "joined";
      readonly invite: PendingInvite;
      readonly name: string;
      readonly addresses: readonly string[];
    };

export class JoinFlow {
  readonly #model: AppModel;
  #step = $state.raw<JoinStep>({ step: "open" });
  #fault = $state<GivenFault | null>(null);
  #refused = $state.raw<CallError | null>(null);
  #reading = $state(false);

  constructor(model: AppModel) {
    this.#model = model;
  }

  /** Waiting for the host ends by itself when the network is connected. */
  get step(): JoinStep {
    const step = this.#step;
    if (step.step !== "failed" || !step.problem.waiting) return step;
    const network = this.#asked(step.invite);
    if (network?.state !== "connected") return step;
    return { step: "joined", invite: step.invite, name: network.name, addresses: network.ownAddresses };
  }

  get fault(): GivenFault | null {
    return this.#fault;
  }

  /** Why the shell or the daemon would not take the link. */
  get refused(): CallError | null {
    return this.#refused;
  }

  get reading(): boolean {
    return this.#reading;
  }

  /** What was pasted, dropped or read from a picture; on success it is the app's pending invite. */
  async give(text: string): Promise<void> {
    this.#step = { step: "open" };
    this.#refused = null;
    this.#fault = text.trim() === "" ? "empty" : text.length > MAX_PASTED_CHARACTERS ? "too-long" : null;
    if (this.#fault) return;
    await this.#try(() => this.#model.bridge.call("invite.open", { text }));
  }

  async givePicture(file: Blob): Promise<void> {
    if (this.#reading) return;
    this.#fault = null;
    this.#refused = null;
    this.#reading = true;
    try {
      const read = await readPicture(file);
      if (read.ok) await this.give(read.text);
      else this.#fault = read.fault;
    } finally {
      this.#reading = false;
    }
  }

  async join(invite: PendingInvite, name: string): Promise<void> {
    if (this.#step.step === "joining") return;
    this.#step = { step: "joining", invite };
    const trimmed = name.trim();
    const params: Params<"join"> = { link: invite.link, ...(trimmed !== "" && { name: trimmed }) };
    try {
      this.#joined(invite, await this.#model.bridge.daemon("join", params));
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      const problem = joinProblem(error);
      this.#step = { step: "failed", invite, problem, error };
      if (!problem.again) await this.#forget();
    }
  }

  /** Back to the question, with the same link. */
  again(): void {
    this.#step = { step: "open" };
  }

  /** Back to the beginning; a link that was kept is forgotten. */
  async dismiss(): Promise<void> {
    this.#step = { step: "open" };
    this.#fault = null;
    this.#refused = null;
    await this.#forget();
  }

  /** false: another link came while the outcome of the last one is shown. */
  isAbout(invite: PendingInvite): boolean {
    const step = this.#step;
    return "invite" in step && step.invite.link === invite.link;
  }

  #joined(invite: PendingInvite, { networkName, addresses }: Result<"join">): void {
    this.#step = { step: "joined", invite, name: networkName, addresses };
    void this.#forget();
  }

  #forget(): Promise<void> {
    return this.#try(async () => {
      if (this.#model.state?.pendingInvite) await this.#model.bridge.call("invite.dismiss", {});
    });
  }

  async #try(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      this.#refused = error;
    }
  }

  #asked(invite: PendingInvite): Network | undefined {
    return this.#model.snapshot?.networks.find(
      ({ role, name }) => role === "guest" && name === invite.networkName,
    );
  }
}
