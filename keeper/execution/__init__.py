"""From a plan to an outcome: calldata, fees, simulation, signing, submission, tracking."""
