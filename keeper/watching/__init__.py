"""What looks on while the keeper works: metrics, health, the service manager, the dashboard; none of it decides."""
