"""What anyone may know in numbers: counted by the UTC day as bundles are formed, shown as it stood at the last full hour."""
