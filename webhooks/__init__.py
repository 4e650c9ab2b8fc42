"""What trackers tell us: deliveries, verified and reduced to the issues they are about."""
