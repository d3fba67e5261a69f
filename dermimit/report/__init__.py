"""A trained run as one HTML page that needs no network: what it learnt, how well, where it fails, and on what data."""
