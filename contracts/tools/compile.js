// Compile one standard-JSON input (on stdin) with a pinned compiler: `solc`, or the package named as argument. The
// output goes to stdout.
// Imports that the input does not carry are read from node_modules, under the names the packages use for each other.
"use strict";

const fs = require("fs");
const path = require("path");

const modules = path.join(__dirname, "..", "node_modules");
const solc = require(path.join(modules, process.argv[2] || "solc"));

const renamed = [
  ["openzeppelin-contracts-upgradeable/contracts/", "@openzeppelin/contracts-upgradeable/"],
  ["openzeppelin-contracts/contracts/", "@openzeppelin/contracts/"],
  ["solidity-utils/", "@bgd-labs/solidity-utils/src/"],
  ["aave-v3-origin/", "@aave-dao/aave-v3-origin/"],
];

function readImport(name) {
  const match = renamed.find(([prefix]) => name.startsWith(prefix));
  const file = path.join(modules, match ? match[1] + name.slice(match[0].length) : name);
  try {
    return { contents: fs.readFileSync(file, "utf8") };
  } catch (error) {
    return { error: `${name}: ${error.message}` };
  }
}

const output = Buffer.from(solc.compile(fs.readFileSync(0, "utf8"), { import: readImport }));
for (let written = 0; written < output.length; ) {
  written += fs.writeSync(1, output, written);
}
