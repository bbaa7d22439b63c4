"""The command ``devops-gates``: one file a subcommand, of one shape (``add_parser``, ``run``)."""
