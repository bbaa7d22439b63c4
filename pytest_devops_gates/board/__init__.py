"""What was planned: milestones, work items, and the requirements that they meet."""
