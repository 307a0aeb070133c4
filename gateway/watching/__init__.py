"""What tells an operator how the gateway is: figures, health, the service manager's watchdog, and which keys log lines have."""
