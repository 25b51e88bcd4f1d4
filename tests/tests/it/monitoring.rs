//! What the hub says of itself: checks, figures, alerts.

mod health;
mod unified;
