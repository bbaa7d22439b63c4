"""What earlier runs came to: kept, asked, and shared."""
