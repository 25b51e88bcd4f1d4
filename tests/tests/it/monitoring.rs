//! What the hub says of itself: checks, figures, alerts.

mod acknowledged;
mod alerts;
mod health;
mod noted;
mod unified;
