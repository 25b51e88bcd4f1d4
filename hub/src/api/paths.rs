//! The paths of the API.

/// What begins the path of everything in the API.
pub const PATHS: [&str; 5] =
    ["/api/domains/", "/api/operators/", "/api/reports/", "/coordinator/", "/monitoring/"];
