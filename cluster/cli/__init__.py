"""The command line: thin. It reads, asks the fleet, prints, and turns every outcome into a documented exit code."""
