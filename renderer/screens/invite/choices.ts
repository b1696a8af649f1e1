// What an invite may be limited to.
import type { Params } from "#contract/methods.ts";
import type { Invite, Network } from "#contract/snapshot.ts";

export const EXPIRIES_S = [3600, 86_400, 604_800, 2_592_000, 31_536_000] as const;
export const DEFAULT_EXPIRY_S = 604_800;
export const MAX_USES = 1000;
/** What the daemon keeps of it. */
export const MAX_LABEL = 40;
const MAX_ENDPOINTS = 4;

export interface InviteForm {
  /** "": for whom is not said. */
  readonly label: string;
  readonly expiresInSeconds: number;
  /** As typed. */
  readonly uses: string;
  readonly approval: boolean;
  /** Id; undefined where there is one network, or none yet. */
  readonly network: string | undefined;
  /** As typed: "home.example:42268", several with spaces or commas between them. */
  readonly endpoints: string;
}

/** Which fields cannot be sent as they are. */
export interface FormFaults {
  readonly uses: boolean;
  readonly endpoints: boolean;
}

export function faultsOf(form: InviteForm): FormFaults {
  const uses = Number(form.uses);
  const endpoints = endpointsOf(form.endpoints);
  return {
    uses: !/^\d{1,4}$/.test(form.uses.trim()) || uses < 1 || uses > MAX_USES,
    endpoints: endpoints.length > MAX_ENDPOINTS || !endpoints.every(isEndpoint),
  };
}

export function createParams(form: InviteForm): Params<"invite.create"> {
  const endpoints = endpointsOf(form.endpoints);
  const label = form.label.trim();
  return {
    uses: Number(form.uses),
    expiresInSeconds: form.expiresInSeconds,
    approval: form.approval,
    ...(label !== "" && { label }),
    ...(form.network !== undefined && { network: form.network }),
    ...(endpoints.length > 0 && { endpoints }),
  };
}

export function hostedNetworks(networks: readonly Network[]): Network[] {
  return networks.filter((network) => network.role === "host");
}

/** Those that still work first, and the newest of them. */
export function inOrder(invites: readonly Invite[]): Invite[] {
  const open = (invite: Invite): number => (invite.state === "open" ? 0 : 1);
  return [...invites].sort((a, b) => open(a) - open(b) || b.createdAt - a.createdAt);
}

function endpointsOf(text: string): string[] {
  return text.split(/[\s,;]+/).filter((one) => one !== "");
}

/** HOST:PORT, "192.0.2.1:4000" or "[2001:db8::1]:4000"; the daemon checks the rest. */
function isEndpoint(text: string): boolean {
  const port = /^(?:\[[\da-fA-F:.]{2,45}\]|[\w.-]{1,120}):(\d{1,5})$/.exec(text)?.[1];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
}
