// Health of accounts by @aave/math-utils, at its best: only the reserves an account uses are passed to it.
// Standard input: {timestamp, reserves: [...], users: [[userReserve, ...], ...]}. Standard output: {seconds, unhealthy}.
const { formatUserSummary } = require("@aave/math-utils");
const { timestamp, reserves, users } = JSON.parse(require("fs").readFileSync(0, "utf8"));

const asked = users.map((userReserves) => ({
  currentTimestamp: timestamp,
  marketReferencePriceInUsd: "100000000",
  marketReferenceCurrencyDecimals: 8,
  userReserves,
  formattedReserves: userReserves.map((held) => reserves[Number(held.underlyingAsset)]),
  userEmodeCategoryId: 0,
}));

let seconds = Infinity;
let unhealthy = [];

for (let run = 0; run < 5; run++) {
  const start = process.hrtime.bigint();
  const found = asked.map((one) => formatUserSummary(one).healthFactor);
  seconds = Math.min(seconds, Number(process.hrtime.bigint() - start) / 1e9);
  unhealthy = found.flatMap((health, place) => (Number(health) < 1 ? [place] : []));
}

process.stdout.write(JSON.stringify({ seconds, unhealthy }));
