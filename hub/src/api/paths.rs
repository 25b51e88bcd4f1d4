//! The paths of the API.

/// What begins the path of everything in the API.
pub const PATHS: [&str; 4] = ["/api/domains/", "/api/reports/", "/coordinator/", "/monitoring/"];
