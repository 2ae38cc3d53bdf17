"""MakerDAO Liquidations 2.0: vaults put up for auction, and auctions whose price falls until somebody buys."""
