import type { AmtRelayCommand } from "#ports/amt-relay.ts";
import type { Vif } from "../vif.ts";
import { RelayExit } from "./relay-exit.ts";

/** The vif may have gone before the command came: that is no error. */
export function handleRelayCommand(vif: Vif | undefined, command: AmtRelayCommand): void {
  const exit = vif?.wire;
  if (!(exit instanceof RelayExit)) return;
  switch (command.type) {
    case "amt-gateway-set":
      exit.setGateway(command.gateway, command.endpoint, command.socket, command.ecn);
      return;
    case "amt-gateway-gone":
      exit.gateways.remove(command.gateway);
      return;
    case "amt-gateway-rate":
      exit.setRate(command.rate);
      return;
    case "amt-fan-out":
      exit.table.apply(command.changes);
  }
}
