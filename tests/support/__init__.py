"""What tests share: builders of cities, gateways and logs, brokers and recipients to run them against, and how long to wait."""
