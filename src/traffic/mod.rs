//! Offers the plan: dispatcher on its own thread, bounded session pool, transactions.
