"""A liquidation keeper for lending protocols: finds, prices, sends and books liquidations."""

__version__ = "0.1.0"
