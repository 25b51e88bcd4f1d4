//! `GET /api/domains/{domain}/dashboard`: a domain's accounts, and what moved in it today and on the last seven days.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use actix_web::{HttpRequest, HttpResponse, web};
use actors::clock::now_ms;
use ledger::Domain;
use protocol::Currency;
use readmodel::{AsOf, ClassTotals, Dashboard, DayTotals};
use serde_json::{Value, json};

use super::{
    asked::caller,
    domain_figures::DomainFigures,
    health::{domain_named, may_read, of_any_domain},
    openapi::{ApiRoute, schema},
    parameters::Parameters,
    rates::RouteRate,
    reads::{Reads, kept},
    stale::Look,
    surface::ApiSurface,
};
use crate::{
    auth::{Area, domain_name},
    edge::error::Error,
    utc::utc,
    verify::signed,
};

/// Days that are shown, today among them.
const DAYS: u32 = 7;

/// Its path.
pub(super) fn routes() -> Vec<ApiRoute> {
    let posted = || [("today", schema::named("Posted")), ("seven_days", schema::named("Posted"))];
    let counted = || [("accounts", schema::count()), ("open_holds", schema::count())];
    let kind = [
        ("kind", schema::text()),
        ("owner", schema::text()),
        ("balance", schema::named("SignedDecimal")),
        ("held", schema::named("SignedDecimal")),
    ];
    let kind = schema::map(&[&kind[..], &counted(), &posted()].concat(), &[]);
    let currency = [("currency", schema::named("CurrencyCode")), ("kinds", schema::list(&kind))];
    let currency = schema::map(&[&currency[..], &counted(), &posted()].concat(), &[]);
    let dashboard = [
        ("domain", schema::named("DomainName")),
        ("as_of", schema::count()),
        ("time", schema::named("Time")),
        ("age_ms", schema::told(schema::count(), "How old the figures are, milliseconds.")),
        ("currencies", schema::list(&currency)),
    ];
    let about = "The accounts of a domain, and what moved in it today and on the last seven days";
    vec![
        ApiRoute::at("/api/domains/{domain}/dashboard").data(RouteRate::DASHBOARD).get(
            show,
            of_any_domain("showDashboard", about)
                .answers(200, schema::map(&[&dashboard[..], &counted()].concat(), &[])),
        ),
    ]
}

async fn show(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Error> {
    let caller = caller(&request, &api.callers)?;
    let domain = domain_named(&path)?;
    may_read(&caller, Area::Domain(domain))?;
    Parameters::read(&request, &[])?;
    let reads = kept(&api.reads)?;
    let stale = api.dashboards.get(&domain);
    let figures = match stale.map_or(Look::Make, |stale| stale.look(Instant::now())) {
        Look::Give(figures) => figures,
        Look::GiveAndMake(figures) => {
            let (reads, again) = (reads.clone(), api.clone());
            refresh(domain, reads, again);
            figures
        }
        Look::Make => {
            let permit = api.admit()?;
            let (as_of, dashboard) = reads.ask(question(domain)).await?;
            drop(permit);
            let figures = Arc::new(made(reads, as_of, dashboard));
            if let Some(stale) = stale {
                stale.keep(figures.read, Some(figures.clone()));
            }
            figures
        }
    };
    Ok(HttpResponse::Ok().json(told(&api, domain, &figures)))
}

fn question(
    domain: Domain,
) -> impl FnOnce(&readmodel::ModelView<'_>) -> Result<Dashboard, readmodel::Error> + Send + 'static {
    let now = now_ms();
    move |view| view.dashboard(domain.name(), now, DAYS)
}

fn made(reads: &Reads, as_of: AsOf, dashboard: Dashboard) -> DomainFigures {
    DomainFigures { as_of, dashboard, read: Instant::now(), behind: reads.behind() }
}

/// Has the figures of a domain read again; nobody waits for it.
fn refresh(domain: Domain, reads: Arc<Reads>, api: web::Data<ApiSurface>) {
    let asked = reads.clone();
    asked.tell(question(domain), move |answer| {
        let figures = answer.ok().map(|(as_of, dashboard)| Arc::new(made(&reads, as_of, dashboard)));
        if let Some(stale) = api.dashboards.get(&domain) {
            stale.keep(Instant::now(), figures);
        }
    });
}

fn told(api: &ApiSurface, domain: Domain, figures: &DomainFigures) -> Value {
    let DomainFigures { as_of, dashboard, read, behind } = figures;
    let age = read.elapsed() + *behind;
    // Those that are configured are shown when there is nothing of them yet.
    let mut currencies: BTreeMap<String, u32> =
        api.currencies.iter().map(|(code, scale)| (code.to_string(), scale)).collect();
    for totals in &dashboard.totals {
        let scale = totals.currency.parse::<Currency>().ok().and_then(|code| api.currencies.spelling(code));
        currencies.entry(totals.currency.clone()).or_insert(scale.unwrap_or_default());
    }
    let (accounts, holds) = dashboard
        .totals
        .iter()
        .fold((0, 0), |(accounts, holds), one| (accounts + one.accounts, holds + one.open_holds));
    json!({
        "domain": domain_name(domain),
        "as_of": as_of.lsn,
        "time": utc(as_of.time_ms),
        "age_ms": u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
        "accounts": accounts,
        "open_holds": holds,
        "currencies": currencies
            .iter()
            .map(|(currency, scale)| of_currency(dashboard, currency, *scale))
            .collect::<Vec<_>>(),
    })
}

fn of_currency(dashboard: &Dashboard, currency: &str, scale: u32) -> Value {
    let of: Vec<_> = dashboard.totals.iter().filter(|totals| totals.currency == currency).collect();
    let posted = |days: i64, is: &dyn Fn(&str, &str) -> bool| {
        let days =
            dashboard.days.iter().filter(|day| day.currency == currency && dashboard.today - day.day < days);
        let sum = days.filter(|day| is(&day.kind, &day.owner_kind)).fold(DayTotals::default(), |sum, day| {
            DayTotals {
                entries: sum.entries + day.posted.entries,
                debits: sum.debits + day.posted.debits,
                credits: sum.credits + day.posted.credits,
            }
        });
        json!({
            "entries": sum.entries,
            "debits": signed(sum.debits, scale),
            "credits": signed(sum.credits, scale),
        })
    };
    let kind = |totals: &&ClassTotals| {
        let is = |kind: &str, owner: &str| kind == totals.kind && owner == totals.owner_kind;
        json!({
            "kind": totals.kind,
            "owner": totals.owner_kind,
            "accounts": totals.accounts,
            "open_holds": totals.open_holds,
            "balance": signed(totals.balance, scale),
            "held": signed(totals.held, scale),
            "today": posted(1, &is),
            "seven_days": posted(DAYS.into(), &is),
        })
    };
    let all = |_: &str, _: &str| true;
    json!({
        "currency": currency,
        "accounts": of.iter().map(|totals| totals.accounts).sum::<u64>(),
        "open_holds": of.iter().map(|totals| totals.open_holds).sum::<u64>(),
        "today": posted(1, &all),
        "seven_days": posted(DAYS.into(), &all),
        "kinds": of.iter().map(kind).collect::<Vec<_>>(),
    })
}
