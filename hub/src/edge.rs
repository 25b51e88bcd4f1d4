//! The edge: the pages of HTTP, and the upgrade to WebSocket. Each page has one file with the state it needs; every
//! refusal is an [`error::Error`].

pub mod addresses;
pub mod allowance;
pub mod assets;
mod authenticate;
pub mod body;
pub(crate) mod cached;
mod demo;
pub mod error;
mod health;
mod hosts;
mod info;
pub mod metrics;
mod origins;
mod publish;
pub mod routes;
pub mod rules;
pub mod upgrade;

use std::sync::Arc;

use actix_web::web;
use actors::{admission::Admission, currencies::Currencies, house::House};

use self::{
    addresses::Addresses, demo::Demo, health::HealthSurface, info::Info, metrics::MetricsSurface,
    publish::PublishSurface, rules::EdgeRules, upgrade::Upgrade,
};
use people::People;
use tokio::sync::mpsc;

use crate::{
    api::{self, ApiDocument, ApiSurface, Vocabulary},
    archive::Figures,
    auth::{CallerVerifier, Minter, Roles, TokenVerifier},
    config::Loaded,
    monitoring::{
        alert_book::AlertNotice, checks::HealthChecks, counters::AlertCounters, kept_files::KeptMonitoring,
        surface::MonitoringSurface,
    },
};

/// The surfaces of a running house.
pub struct Surfaces {
    /// The way in for WebSockets.
    pub upgrade: Arc<Upgrade>,
    /// The checks of every request to the public server.
    pub rules: Arc<EdgeRules>,
    /// The same for the admin server.
    pub admin_rules: Arc<EdgeRules>,
    info: web::Data<Info>,
    demo: web::Data<Demo>,
    publish: web::Data<PublishSurface>,
    api: web::Data<ApiSurface>,
    described: web::Data<ApiDocument>,
    /// Whether the public server has the API, and whether the admin server has it.
    api_on: (bool, bool),
    health: web::Data<HealthSurface>,
    metrics: web::Data<MetricsSurface>,
    monitoring: web::Data<MonitoringSurface>,
    /// Whether the public server shows the figures too.
    public_metrics: bool,
}

impl Surfaces {
    /// Gives each surface what it needs. `admission` bounds requests, `addresses` what a network address may take; `kept` is what
    /// the monitoring takes over. With the notices that are to be posted.
    #[must_use]
    pub fn new(
        loaded: &Arc<Loaded>,
        (house, people, archive): (&House, &People, &Figures),
        currencies: Currencies,
        admission: &Arc<Admission>,
        addresses: &Arc<Addresses>,
        kept: KeptMonitoring,
    ) -> (Self, Option<mpsc::Receiver<AlertNotice>>) {
        let (secrets, rules) = (&loaded.secrets, loaded.config.token_rules());
        let verifier = TokenVerifier::new(secrets.keys.clone(), rules.clone());
        let roles = Roles::new(loaded.config.api.roles_in_use());
        let verifier = verifier.with_issuers(secrets.issuers.clone()).with_roles(roles);
        let services = secrets.services.clone().allowing(&loaded.config.api.services);
        let callers = Arc::new(CallerVerifier::new(services, verifier.clone()));
        let api =
            ApiSurface::new(loaded, (house, people), currencies.clone(), admission.clone(), callers.clone());
        let authenticate = authenticate::authenticate(verifier, people.clone());
        let minter = Minter::new(secrets.keys.clone(), rules);
        let publish = PublishSurface::new(
            loaded,
            house,
            admission.clone(),
            callers,
            (api.rates().clone(), api.refused_acts().clone()),
        );
        let demo =
            Demo::new(loaded, (house, people), &currencies, minter, admission.clone(), addresses.clone());
        let asked = Arc::new(EdgeRules::new(&loaded.config.server, addresses.clone()));
        let archived = (!loaded.config.archive.to.is_empty()).then(|| archive.clone());
        let checks = Arc::new(HealthChecks::new((house, people), admission.clone(), archived));
        let counters = AlertCounters::default();
        let metrics = MetricsSurface::new(
            (house, people, archive),
            (publish.counted(), api.refused_acts().unrecorded()),
            admission.clone(),
            addresses.clone(),
            (asked.clone(), api.rates().clone(), secrets.issuers.clone()),
            (checks.clone(), counters.clone()),
        );
        let metrics = web::Data::new(metrics);
        let counted = (metrics.clone(), counters);
        let mut monitoring =
            MonitoringSurface::new(&loaded.config, checks.clone(), counted, admission.clone(), kept);
        let posts = secrets.webhook.is_some().then(|| monitoring.posts());
        let upgrade = Upgrade::new(loaded, house, admission.clone(), currencies, authenticate, asked.clone());
        let surfaces = Self {
            upgrade: Arc::new(upgrade),
            admin_rules: Arc::new(asked.of_operator()),
            rules: asked,
            info: web::Data::new(Info::new(loaded.config.mode, demo.is_offered())),
            demo: web::Data::new(demo),
            publish: web::Data::new(publish),
            api: web::Data::new(api),
            described: web::Data::new(ApiDocument::new(api::document_text(&Vocabulary::of(&loaded.config)))),
            api_on: loaded.config.api_on(),
            health: web::Data::new(HealthSurface::new(checks)),
            metrics,
            monitoring: web::Data::new(monitoring),
            public_metrics: loaded.config.server.metrics,
        };
        (surfaces, posts)
    }

    /// The monitoring, for whoever looks again and again.
    #[must_use]
    pub fn monitoring(&self) -> Arc<MonitoringSurface> {
        self.monitoring.clone().into_inner()
    }

    /// Every path of the public server but the handshake of WebSockets.
    pub fn public(&self, service: &mut web::ServiceConfig) {
        health::routes(&self.health, service);
        if self.public_metrics {
            metrics::routes(&self.metrics, service);
        }
        info::routes(&self.info, service);
        demo::routes(&self.demo, service);
        publish::routes(&self.publish, service);
        if self.api_on.0 {
            api::routes(&self.api, &self.described, &self.monitoring, service);
        }
        upgrade::routes(service);
        // Last: it takes every path that is left.
        assets::routes(service);
    }

    /// Every path of the admin server.
    pub fn admin(&self, service: &mut web::ServiceConfig) {
        health::routes_of_operator(&self.health, service);
        metrics::routes(&self.metrics, service);
        if self.api_on.1 {
            api::routes(&self.api, &self.described, &self.monitoring, service);
        }
        service.default_service(web::to(async || Err::<&str, _>(error::Error::from(error::Kind::NotFound))));
    }
}
